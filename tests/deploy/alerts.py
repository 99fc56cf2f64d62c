"""What Prometheus would tell whom: the alert rules over made-up histories, judged by promtool.

A history is a minute per value, in promtool's notation: ``0+60x100`` grows by sixty a minute.
``KEPT`` is a shop in which every promise is kept, just so; a case says what differs from it.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import yaml

from tests.deploy.image import PROJECT
from tests.needs import program

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

RULES = PROJECT / "deploy/prometheus/rules.yml"
FOUR_DAYS = 5760  # minutes

READS = 'route="/api/v1/products/<pk>", method="GET"'
WRITES = 'route="/api/v1/inventory/<pk>", method="PATCH"'
EXPIRY = 'task="inventory.tasks.expire_reservations"'
BACKUP = 'namespace="stockroom", cronjob="backup"'


def requests(kind: str, status: int = 200) -> str:
    return f'http_request_duration_seconds_count{{{kind}, status="{status}"}}'


def within(kind: str, bound: str) -> str:
    return f'http_request_duration_seconds_bucket{{{kind}, status="200", le="{bound}"}}'


def calls(code: str) -> str:
    method = "inventory.v1.InventoryService/Reserve"
    return f'rpc_request_duration_seconds_count{{method="{method}", code="{code}"}}'


def growing(each_minute: float) -> str:
    return f"0+{each_minute}x{FOUR_DAYS}"


def always(value: float) -> str:
    return f"{value}x{FOUR_DAYS}"


KEPT = {
    requests(READS): growing(600),
    requests(READS, 500): growing(0.3),  # one in two thousand
    within(READS, "0.025"): growing(500),
    within(READS, "0.05"): growing(570),  # 95 %
    within(READS, "0.1"): growing(600),
    within(READS, "+Inf"): growing(600),
    requests(WRITES): growing(60),
    within(WRITES, "0.05"): growing(40),
    within(WRITES, "0.1"): growing(57),
    within(WRITES, "0.25"): growing(60),
    within(WRITES, "+Inf"): growing(60),
    calls("OK"): growing(60),
    calls("FAILED_PRECONDITION"): growing(20),  # refused by a rule
    calls("UNAVAILABLE"): growing(0.04),  # one in two thousand
    'stock_lock_wait_seconds_bucket{le="0.1"}': growing(58),
    'stock_lock_wait_seconds_bucket{le="+Inf"}': growing(60),
    'cache_reads_total{result="hit"}': growing(600),
    'cache_reads_total{result="unavailable"}': always(3),  # of some earlier day
    "slow_queries_total": growing(1),
    "ledger_differences": always(0),
    "ledger_checked_timestamp_seconds": "0x1440 86400x1440 172800x1440 259200x1440",
    "reservations_overdue": always(70),  # they come and go
    f'celery_task_duration_seconds_count{{{EXPIRY}, outcome="succeeded"}}': growing(6),
    'outbox_oldest_event_age_seconds{stage="unpublished"}': always(60),
    "catalogue_lag_seconds": always(30),
    'celery_queue_messages{queue="stockroom"}': always(100),
    'inbox_queue_messages{queue="stockroom.commands"}': always(100),
    'inbox_queue_messages{queue="stockroom.commands.dead"}': always(0),
    'webhook_attempts_total{outcome="delivered"}': growing(9),
    'webhook_attempts_total{outcome="failed"}': growing(1),
    'webhook_attempts_total{outcome="given_up"}': always(2),  # of some earlier day
    'celery_task_duration_seconds_count{task="mail_alerts", outcome="succeeded"}': growing(1),
    'celery_task_duration_seconds_count{task="mail_alerts", outcome="failed"}': always(1),
    'database_connections_open{job="web", instance="a"}': always(40),
    'database_connections_open{job="web", instance="b"}': always(40),
    'database_up{job="web"}': always(1),
    'figures_up{source="database"}': always(1),
    'figures_up{source="broker"}': always(1),
    'replica_lag_seconds{database="replica"}': always(29),
    "disk_free_bytes": always(11),
    "disk_size_bytes": always(100),
    f"kube_cronjob_created{{{BACKUP}}}": always(0),
    f"kube_cronjob_status_last_successful_time{{{BACKUP}}}": "0x1440 86400x1440 172800x1440",
    **{
        f'up{{job="{job}"}}': always(1)
        for job in ("web", "grpc", "worker", "relay", "projector", "consumer")
    },
}


def told(
    folder: Path, different: Mapping[str, str | None], at: str, expected: Iterable[str]
) -> str:
    """What promtool complains of when exactly these alerts are expected to fire; empty if nothing.

    ``different`` replaces histories of KEPT, adds some, or takes some away (None). ``at`` is
    Prometheus' notation of the time since the histories began.
    """
    series = {name: values for name, values in {**KEPT, **different}.items() if values is not None}
    samples = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(expected)]
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": 'group by (alertname) (ALERTS{alertstate="firing"})',
                "eval_time": at,
                "exp_samples": samples,
            }
        ],
    }
    document = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": _step(at),
        "tests": [test],
    }
    (folder / "rules.yml").write_text(_without_intervals())
    (folder / "alerts.yml").write_text(yaml.safe_dump(document))
    return promtool("test", "rules", str(folder / "alerts.yml"))


def _step(at: str) -> str:
    """How often rules are evaluated: long histories take their time."""
    minutes = int(at[:-1]) * {"m": 1, "h": 60, "d": 1440}[at[-1]]
    return "1m" if minutes <= 180 else "5m" if minutes <= 720 else "30m"


def _without_intervals() -> str:
    """The rules, evaluated as often as the test asks: days in steps of thirty seconds take long."""
    rules = yaml.safe_load(RULES.read_text())
    for group in rules["groups"]:
        group.pop("interval", None)
    return str(yaml.safe_dump(rules))


def promtool(*arguments: str) -> str:
    """What it complains of; empty when it is content."""
    command = [program("promtool"), *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout + done.stderr
