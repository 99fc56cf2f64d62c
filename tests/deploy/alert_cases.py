"""Shops in which a promise is broken, or just not, and the alerts that fire in them."""

from __future__ import annotations

from typing import NamedTuple

from tests.deploy.alerts import (
    BACKUP,
    EXPIRY,
    READS,
    WRITES,
    always,
    calls,
    growing,
    requests,
    within,
)

SWEEPS = f'celery_task_duration_seconds_count{{{EXPIRY}, outcome="succeeded"}}'
WAITING = 'celery_queue_messages{queue="stockroom"}'
HOLDS = "reservations_overdue"
LAG = 'replica_lag_seconds{database="replica"}'
BACKED_UP = f"kube_cronjob_status_last_successful_time{{{BACKUP}}}"
BACKUP_PLANNED = f"kube_cronjob_created{{{BACKUP}}}"
NINE_MINUTES = f"0x700 0+150x9 {always(1350)}"
NINE_MINUTES_OF_CALLS = f"0x700 0+18x9 {always(162)}"
ENDED = "_x7000"  # no more values: the series is gone


class Case(NamedTuple):
    different: dict[str, str | None]
    at: str
    told: set[str]


def silent(at: str, different: dict[str, str | None]) -> Case:
    return Case(different, at, set())


CASES = {
    "all promises are just kept, in the first hour": silent("1h", {}),
    "all promises are just kept, after three days": silent("3d", {}),
    "one request in fifty fails": Case(
        {requests(READS, 500): growing(12)},
        "3h",
        {"StockroomErrorBudgetFast", "StockroomErrorBudgetSlow"},
    ),
    "one request in a hundred and fifty fails": Case(
        {requests(READS, 500): growing(4)},
        "7h",
        {"StockroomErrorBudgetFast", "StockroomErrorBudgetSlow"},
    ),
    "one request in five hundred fails": Case(
        {requests(READS, 500): growing(1.3)}, "3d", {"StockroomErrorBudgetSlow"}
    ),
    "a sixth of the requests fails for nine minutes": Case(
        {requests(READS, 500): NINE_MINUTES}, "710m", {"StockroomErrorBudgetFast"}
    ),
    "a sixth of the requests failed, and the alert has ended with it": silent(
        "715m", {requests(READS, 500): NINE_MINUTES}
    ),
    "two of few requests fail": silent(
        "30m",
        {
            requests(READS): growing(0.2),
            requests(WRITES): None,
            requests(READS, 500): "0x25 1 2x5000",
            within(READS, "0.1"): None,
        },
    ),
    "pages of the back office fail, which is not the API": silent(
        "3h", {requests('route="/admin/", method="GET"', 500): growing(60)}
    ),
    "one call in fifty fails": Case(
        {calls("INTERNAL"): growing(1.6)},
        "3h",
        {"StockroomGrpcErrorBudgetFast", "StockroomGrpcErrorBudgetSlow"},
    ),
    "one call in a hundred and fifty fails": Case(
        {calls("UNAVAILABLE"): growing(0.53)},
        "7h",
        {"StockroomGrpcErrorBudgetFast", "StockroomGrpcErrorBudgetSlow"},
    ),
    "one call in five hundred fails": Case(
        {calls("UNKNOWN"): growing(0.16)}, "3d", {"StockroomGrpcErrorBudgetSlow"}
    ),
    "a sixth of the calls fails for nine minutes": Case(
        {calls("UNAVAILABLE"): NINE_MINUTES_OF_CALLS}, "710m", {"StockroomGrpcErrorBudgetFast"}
    ),
    "a sixth of the calls failed, and the alert has ended with it": silent(
        "715m", {calls("UNAVAILABLE"): NINE_MINUTES_OF_CALLS}
    ),
    "calls failed an hour ago, and nobody is woken for it now": Case(
        {calls("UNAVAILABLE"): f"0x640 0+8x30 {always(240)}"},
        "12h",
        {"StockroomGrpcErrorBudgetSlow"},
    ),
    "two of few calls fail": silent(
        "30m",
        {
            calls("OK"): growing(0.2),
            calls("FAILED_PRECONDITION"): None,
            calls("UNAVAILABLE"): "0x25 1 2x5000",
        },
    ),
    "calls fail for reasons that are their callers'": silent(
        "3h",
        {
            calls(code): growing(60)
            for code in ("UNAUTHENTICATED", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED")
        },
    ),
    "nobody calls over gRPC": silent(
        "3h", {calls(code): None for code in ("OK", "FAILED_PRECONDITION", "UNAVAILABLE")}
    ),
    "six reads in a hundred are slow": Case(
        {within(READS, "0.05"): growing(564)}, "1h", {"StockroomReadsSlow"}
    ),
    "six reads in a hundred are slow, for three minutes": silent(
        "28m", {within(READS, "0.05"): "0+570x20 11970+564x2 13668+570x5000"}
    ),
    "three of four reads are slow, and there are four": silent(
        "1h",
        {
            requests(READS): growing(0.1),
            within(READS, "0.025"): None,
            within(READS, "0.05"): growing(0.025),
            within(READS, "0.1"): growing(0.1),
            within(READS, "+Inf"): growing(0.1),
            requests(READS, 500): None,
        },
    ),
    "six writes in a hundred are slow": Case(
        {within(WRITES, "0.1"): growing(56.4)}, "1h", {"StockroomStockWritesSlow"}
    ),
    "writes of webhook endpoints are slow, which nobody promised": silent(
        "1h",
        {
            within('route="/api/v1/webhook-endpoints", method="POST"', "0.1"): growing(1),
            within('route="/api/v1/webhook-endpoints", method="POST"', "+Inf"): growing(100),
            requests('route="/api/v1/webhook-endpoints", method="POST"'): growing(100),
        },
    ),
    "locks are waited for": Case(
        {
            'stock_lock_wait_seconds_bucket{le="0.1"}': growing(50),
            'stock_lock_wait_seconds_bucket{le="0.5"}': growing(60),
        },
        "1h",
        {"StockroomStockLocksWaited"},
    ),
    "many statements are slow": Case(
        {"slow_queries_total": growing(10)}, "1h", {"StockroomSlowQueries"}
    ),
    "an event waits": Case(
        {'outbox_oldest_event_age_seconds{stage="unnumbered"}': f"0x20 0+60x20 {always(900)}"},
        "25m",
        {"StockroomOutboxOld"},
    ),
    "an event has waited, and is delivered": silent(
        "1h", {'outbox_oldest_event_age_seconds{stage="undelivered"}': f"0x20 0+60x5 {always(0)}"}
    ),
    "the ledger differs": Case(
        {"ledger_differences": f"0x10 {always(1)}"}, "13m", {"StockroomLedgerDiffers"}
    ),
    "the ledger differed, and was mended": silent(
        "1h", {"ledger_differences": f"0x10 2x30 {always(0)}"}
    ),
    "the ledger is not checked any more": Case(
        {"ledger_checked_timestamp_seconds": always(0)}, "50h", {"StockroomLedgerNotChecked"}
    ),
    "the ledger is never checked": Case(
        {"ledger_checked_timestamp_seconds": None}, "49h", {"StockroomLedgerNeverChecked"}
    ),
    "the ledger has yet to be checked": silent("47h", {"ledger_checked_timestamp_seconds": None}),
    "holds stay, and nobody looks": Case(
        {"reservations_overdue": always(1), SWEEPS: f"0+6x20 {always(120)}"},
        "35m",
        {"StockroomHoldsOverdue"},
    ),
    "holds stay, and no worker has ever looked": Case(
        {"reservations_overdue": always(1), SWEEPS: None}, "10m", {"StockroomHoldsOverdue"}
    ),
    "nobody looks, and no hold is late": silent(
        "35m", {"reservations_overdue": always(0), SWEEPS: None}
    ),
    "holds come faster than they go": Case(
        {"reservations_overdue": "0+1000x5000"}, "30m", {"StockroomHoldsOverdue"}
    ),
    "a message could not be handled": Case(
        {'inbox_queue_messages{queue="stockroom.commands.dead"}': always(1)},
        "10m",
        {"StockroomDeadLetters"},
    ),
    "a webhook is given up": Case(
        {'webhook_attempts_total{outcome="given_up"}': f"2x60 {always(3)}"},
        "70m",
        {"StockroomWebhooksGivenUp"},
    ),
    "the first webhook that was ever given up": Case(
        {'webhook_attempts_total{outcome="given_up"}': f"_x60 {always(1)}"},
        "70m",
        {"StockroomWebhooksGivenUp"},
    ),
    "a webhook was given up yesterday": silent(
        "1d", {'webhook_attempts_total{outcome="given_up"}': f"2x60 {always(3)}"}
    ),
    "most webhooks fail": Case(
        {'webhook_attempts_total{outcome="failed"}': growing(10)}, "1h", {"StockroomWebhooksFail"}
    ),
    "a task fails for the first time": Case(
        {
            'celery_task_duration_seconds_count{task="verify_ledger", outcome="failed"}': (
                f"_x60 {always(1)}"
            )
        },
        "70m",
        {"StockroomTasksFail"},
    ),
    "tasks pile up": Case(
        {'celery_queue_messages{queue="stockroom.mail"}': growing(20)}, "1h", {"StockroomTasksWait"}
    ),
    "messages pile up": Case(
        {'inbox_queue_messages{queue="stockroom.commands"}': growing(20)},
        "1h",
        {"StockroomTasksWait"},
    ),
    "a relay hangs": Case(
        {'up{job="relay", instance="b"}': always(0)}, "10m", {"StockroomTargetDown"}
    ),
    "every relay hangs": Case(
        {'up{job="relay"}': always(0)}, "10m", {"StockroomTargetDown", "StockroomNoRelay"}
    ),
    "every relay is gone": Case({'up{job="relay"}': f"1x20 {ENDED}"}, "40m", {"StockroomNoRelay"}),
    "no web server is there": Case({'up{job="web"}': None}, "10m", {"StockroomNoWeb"}),
    "no gRPC server is there": Case({'up{job="grpc"}': None}, "10m", {"StockroomNoGrpc"}),
    "a gRPC server hangs": Case(
        {'up{job="grpc", instance="b"}': always(0)}, "10m", {"StockroomTargetDown"}
    ),
    "no worker is there": Case({'up{job="worker"}': None}, "10m", {"StockroomNoWorker"}),
    "no projector is there": Case(
        {'up{job="projector"}': None, "catalogue_lag_seconds": always(31)},
        "10m",
        {"StockroomCatalogueLate"},
    ),
    "no consumer is there": Case({'up{job="consumer"}': None}, "10m", {"StockroomNoConsumer"}),
    "beat has stopped": Case(
        {SWEEPS: f"0+6x20 {always(120)}", WAITING: f"1x20 {always(0)}", HOLDS: always(0)},
        "35m",
        {"StockroomNoBeat"},
    ),
    "beat was never there": Case(
        {SWEEPS: None, WAITING: always(0), HOLDS: always(0)}, "11m", {"StockroomNoBeat"}
    ),
    "beat is restarted": silent(
        "30m", {SWEEPS: f"0+6x20 120x4 {growing(6)}", WAITING: always(0), HOLDS: always(0)}
    ),
    "a worker hangs, and what beat sends waits until it is void": silent(
        "1h", {SWEEPS: always(120), WAITING: "1 2 1 1 2 " * 100, HOLDS: always(0)}
    ),
    "nothing is done, because no worker is there": Case(
        {SWEEPS: None, WAITING: always(0), HOLDS: always(0), 'up{job="worker"}': None},
        "1h",
        {"StockroomNoWorker"},
    ),
    "nothing is done, because RabbitMQ is away": Case(
        {SWEEPS: None, WAITING: None, HOLDS: always(0), 'figures_up{source="broker"}': always(0)},
        "1h",
        {"StockroomBrokerAway"},
    ),
    "PostgreSQL is away": Case(
        {
            'database_up{job="web"}': f"1x20 {always(0)}",
            'figures_up{source="database"}': f"1x20 {always(0)}",
            "ledger_differences": None,
        },
        "40m",
        {"StockroomDatabaseAway"},
    ),
    "PostgreSQL is too slow to tell figures": Case(
        {'figures_up{source="database"}': f"1x20 {always(0)}", "ledger_differences": None},
        "40m",
        {"StockroomFiguresMissing"},
    ),
    "one web server could not ask for figures once": silent(
        "1h", {'figures_up{source="database", instance="b"}': f"1x58 0 0 {always(1)}"}
    ),
    "the replica is away": Case({LAG: f"0x20 {'Inf ' * 5000}"}, "40m", {"StockroomReplicaAway"}),
    "the replica was late for a moment": silent("1h", {LAG: f"0x50 Inf Inf {always(0)}"}),
    "there is no replica": silent("1h", {LAG: None}),
    "the disk fills": Case({"disk_free_bytes": always(9)}, "15m", {"StockroomDiskNearlyFull"}),
    "the backup fails every night": Case({BACKED_UP: always(86400)}, "61h", {"StockroomBackupOld"}),
    "the first backup fails, and so do all others": Case(
        {BACKED_UP: None}, "38h", {"StockroomBackupOld"}
    ),
    "the first backup is yet to come": silent("35h", {BACKED_UP: None}),
    "backups are not made by Kubernetes": silent("3d", {BACKED_UP: None, BACKUP_PLANNED: None}),
    "RabbitMQ is away": Case(
        {'figures_up{source="broker"}': f"1x20 {always(0)}"}, "30m", {"StockroomBrokerAway"}
    ),
    "Redis is away": Case(
        {'cache_reads_total{result="unavailable"}': growing(5)}, "30m", {"StockroomCacheAway"}
    ),
    "connections run out": Case(
        {'database_connections_open{job="worker"}': always(1)},
        "30m",
        {"StockroomConnectionsNearLimit"},
    ),
}
