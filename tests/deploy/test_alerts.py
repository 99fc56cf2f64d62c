"""Each promise kept and broken, and who is told: the rules of Prometheus, run by promtool."""

from __future__ import annotations

import re

import pytest
import yaml

from tests.deploy.alert_cases import CASES
from tests.deploy.alerts import KEPT, RULES, always, promtool, told
from tests.deploy.image import PROJECT

SLOS = {"availability", "reads", "stock_writes", "outbox", "ledger"}
GROUPS = yaml.safe_load(RULES.read_text())["groups"]
ALERTS = [rule for group in GROUPS for rule in group["rules"] if "alert" in rule]


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
