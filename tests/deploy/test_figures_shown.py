"""Every figure that a rule or a dashboard reads is one that a running Stockroom tells."""

from __future__ import annotations

import json
import re

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from common.observability import metrics
from common.rpc.telling import OURS_TO_MEND
from tests.deploy.image import PROJECT
from tests.deploy.observed import observed_stockroom, prometheus, queried, wait_for
from tests.deploy.promql import Series, series_of
from tests.needs import virtual_host
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("figures shown")]

DASHBOARDS = sorted((PROJECT / "deploy/grafana/dashboards").glob("*.json"))
RULES = yaml.safe_load((PROJECT / "deploy/prometheus/rules.yml").read_text())
OF_OTHERS = {
    "up": {"job", "instance"},
    "ALERTS": {"alertname", "alertstate"},
    "kube_cronjob_created": {"namespace", "cronjob"},
    "kube_cronjob_status_last_successful_time": {"namespace", "cronjob"},
}
"""What Prometheus itself tells, and kube-state-metrics."""


def rules(kind):
    return {
        rule[kind]: rule["expr"]
        for group in RULES["groups"]
        for rule in group["rules"]
        if kind in rule
    }


def panels(dashboard):
    return [
        panel for panel in json.loads(dashboard.read_text())["panels"] if panel["type"] != "row"
    ]


RECORDED = rules("record")
EXPRESSIONS = (
    RECORDED
    | rules("alert")
    | {
        f"{dashboard.stem}: {panel['title']} {target['refId']}": target["expr"]
        for dashboard in DASHBOARDS
        for panel in panels(dashboard)
        for target in panel["targets"]
    }
)


def unknown(expressions, told):
    """What is read and not told: by the name of the expression."""
    known = OF_OTHERS | {name: set() for name in RECORDED} | told
    return {
        (name, series.metric, *sorted(series.labels - known.get(series.metric, set())))
        for name, expression in expressions.items()
        for series in series_of(expression)
        if series.metric not in known or not series.labels <= known[series.metric]
    }


@pytest.mark.parametrize(
    ("expression", "series"),
    [
        ("time() - max(a) > 2 * 86400", [Series("a")]),
        (
            'sum by (x, y) (rate(a_total{k=~"v\\"}", l!="by (z)"}[5m]))',
            [Series("a_total", frozenset("xykl"))],
        ),
        (
            "histogram_quantile(0.95, sum by (le) (rate(b[$__rate_interval])))",
            [Series("b", frozenset({"le"}))],
        ),
        (
            "topk(10, max by (q) (a) > 5 or b offset 1h)",
            [Series("a", frozenset("q")), Series("b")],
        ),
        ("a:b:c > on() 0.8 * sum(c)", [Series("a:b:c"), Series("c")]),
        ('absent(up{job="web"} == 1)', [Series("up", frozenset({"job"}))]),
    ],
)
def test_what_an_expression_reads(expression, series):
    assert series_of(expression) == series


@pytest.mark.parametrize("expression", ["sum(a) by (b)", "a * on(b) c", "sum by (b", "a ~ b"])
def test_what_is_not_known_is_not_passed_over(expression):
    with pytest.raises(ValueError, match=r"."):
        series_of(expression)


def families(names):
    return {re.sub(r"_(total|count|sum|bucket)$", "", name) for name in names}


def all_read():
    return {series.metric for each in EXPRESSIONS.values() for series in series_of(each)}


def test_everything_that_is_counted_is_shown_or_watched():
    counted = {
        family.name
        for metric in vars(metrics).values()
        if isinstance(metric, MetricWrapperBase)
        for family in metric.describe()
    }
    assert len(counted) > 20
    assert counted - families(all_read()) == set()


def test_a_failed_call_is_one_that_the_log_has_as_an_error():
    asked = {
        frozenset(codes.split("|"))
        for each in EXPRESSIONS.values()
        for codes in re.findall(r'code=~"([^"]+)"', each)
    }
    assert asked == {frozenset(code.name for code in OURS_TO_MEND)}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("observed")
    with virtual_host() as broker_url, observed_stockroom(folder, broker_url) as server:
        yield server


@pytest.fixture(scope="module")
def told(server):
    """The labels of every figure, by its name, of a scrape of a running Stockroom."""
    return wait_for(server, all_read() - set(OF_OTHERS) - set(RECORDED))


def test_everything_that_is_read_is_told(told):
    assert unknown(EXPRESSIONS, told) == set()


def test_everything_that_is_told_is_shown_or_watched(told):
    """The figures that are read from the database, too."""
    ours = {name for name in told if not name.startswith("django_")}
    assert families(ours) - families(all_read()) == set()


def test_a_figure_or_a_label_that_is_renamed_is_missed(told):
    """Negative control, for every metric that is read."""
    for metric in all_read() & set(told):
        renamed = {name: labels for name, labels in told.items() if name != metric}
        assert unknown(EXPRESSIONS, renamed), metric
    wrong = {"wrong": "sum by (colour) (stock_refusals_total)"}
    assert unknown(wrong, told) == {("wrong", "stock_refusals_total", "colour")}


NOTHING_FAILED = {"Failures by route", "Failed tasks", "Failures by method", "Calls sent away"}
"""What has nothing to show."""


def test_prometheus_itself_has_something_to_show_for_every_panel(server, told, tmp_path):
    with prometheus(server, tmp_path) as address:
        wait_until(lambda: up_for(address, seconds=35), 90)  # rules run every thirty seconds
        empty = {
            panel["title"]
            for dashboard in DASHBOARDS
            for panel in panels(dashboard)
            for target in panel["targets"]
            if not queried(address, target["expr"])
        }
        firing = queried(address, 'ALERTS{alertstate="firing"}')
    assert empty <= NOTHING_FAILED
    assert not firing


def up_for(address, *, seconds):
    try:
        (found,) = queried(address, "count_over_time(up[5m])")
    except (OSError, AssertionError, ValueError):
        return False
    return float(found["value"][1]) >= seconds


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_can_be_read(dashboard):
    document = json.loads(dashboard.read_text())
    assert document["uid"] == dashboard.stem
    assert document["title"].startswith("Stockroom: ")
    numbers = [panel["id"] for panel in document["panels"]]
    assert len(numbers) == len(set(numbers))
    for panel in panels(dashboard):
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["targets"], panel["title"]


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)
def test_panels_do_not_cover_each_other(dashboard):
    taken = set()
    for panel in json.loads(dashboard.read_text())["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells


def test_what_grafana_is_given_fits_together():
    folder = PROJECT / "deploy/grafana/provisioning"
    sources = yaml.safe_load((folder / "datasources/stockroom.yml").read_text())["datasources"]
    uids = {source["uid"] for source in sources}
    assert uids == {"prometheus", "jaeger"}
    for dashboard in DASHBOARDS:
        for panel in panels(dashboard):
            used = {each["datasource"]["uid"] for each in [panel, *panel["targets"]]}
            assert used <= uids
    (provider,) = yaml.safe_load((folder / "dashboards/stockroom.yml").read_text())["providers"]
    compose = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())["services"]
    mounted = dict(volume.split(":")[:2] for volume in compose["grafana"]["volumes"])
    assert mounted["./deploy/grafana/dashboards"] == provider["options"]["path"]
    home = compose["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home in {f"{provider['options']['path']}/{path.name}" for path in DASHBOARDS}
    for source in sources:
        assert re.fullmatch(rf"http://{source['uid']}:\d+", source["url"])
        assert source["uid"] in compose


def test_all_promises_are_on_the_first_dashboard():
    (overview,) = [path for path in DASHBOARDS if path.stem == "stockroom-overview"]
    shown = {panel["title"] for panel in panels(overview) if panel["type"] == "stat"}
    assert shown >= {
        "Failed requests, 3 days",
        "Failed calls, 3 days",
        "Reads, p95",
        "Stock writes, p95",
        "Outbox, oldest event",
        "Ledger differences",
    }
