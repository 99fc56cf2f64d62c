"""Each promise kept and broken, and who is told: the rules of Prometheus, run by promtool."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest
import yaml

from tests.deploy.alerts import (
    BACKUP,
    EXPIRY,
    KEPT,
    READS,
    RULES,
    WRITES,
    always,
    growing,
    promtool,
    requests,
    told,
    within,
)
from tests.deploy.image import PROJECT

SLOS = {"availability", "reads", "stock_writes", "outbox", "ledger"}
GROUPS = yaml.safe_load(RULES.read_text())["groups"]
ALERTS = [rule for group in GROUPS for rule in group["rules"] if "alert" in rule]
SWEEPS = f'celery_task_duration_seconds_count{{{EXPIRY}, outcome="succeeded"}}'
WAITING = 'celery_queue_messages{queue="stockroom"}'
HOLDS = "reservations_overdue"
LAG = 'replica_lag_seconds{database="replica"}'
BACKED_UP = f"kube_cronjob_status_last_successful_time{{{BACKUP}}}"
BACKUP_PLANNED = f"kube_cronjob_created{{{BACKUP}}}"
NINE_MINUTES = f"0x700 0+150x9 {always(1350)}"
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


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_who_is_told_when(name, tmp_path):
    case = CASES[name]
    assert told(tmp_path, case.different, case.at, case.told) == ""


@pytest.mark.slow
def test_promtool_would_notice(tmp_path):
    """Negative control: an alert that is expected and does not come, and one that comes anyway."""
    assert "FAILED" in told(tmp_path, {}, "1h", {"StockroomLedgerDiffers"})
    assert "FAILED" in told(tmp_path, {"ledger_differences": always(1)}, "1h", set())


@pytest.mark.slow
def test_promtool_accepts_rules_and_configuration():
    assert promtool("check", "rules", str(RULES)) == ""
    assert promtool("check", "config", str(RULES.with_name("prometheus.yml"))) == ""


def test_every_alert_has_a_case_in_which_it_fires():
    assert {alert["alert"] for alert in ALERTS} == {
        name for case in CASES.values() for name in case.told
    }


def test_every_promise_has_an_alert_that_wakes_somebody():
    paging = {a["labels"].get("slo") for a in ALERTS if a["labels"]["severity"] == "page"}
    assert paging >= SLOS
    assert {a["labels"].get("slo") for a in ALERTS} <= SLOS | {None}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_says_how_urgent_it_is_and_what_to_do(alert):
    assert alert["for"]
    assert alert["labels"]["severity"] in {"page", "ticket"}
    assert {"summary", "description", "runbook"} == set(alert["annotations"])


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_the_runbook_has_what_an_alert_points_to(alert):
    file, _, anchor = alert["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^#+ (.+)$", (PROJECT / file).read_text(), re.MULTILINE)
    assert anchor in {anchor_of(heading) for heading in headings}


def anchor_of(heading: str) -> str:
    """As GitHub makes it from a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def test_the_histories_of_the_cases_are_of_metrics_that_the_rules_read():
    """Or a case would prove nothing."""
    named = {name.partition("{")[0] for case in CASES.values() for name in (*KEPT, *case.different)}
    text = RULES.read_text()
    assert {name for name in named if name not in text} == set()
