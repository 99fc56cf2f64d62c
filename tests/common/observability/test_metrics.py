"""``/metrics``, and every figure of requests: each moves when its thing happens, by so much."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.common.conftest import no_redis, own_redis  # noqa: F401  fixtures
from tests.factories import ProductFactory
from tests.metrics import Told, moving

REQUESTS = "http_request_duration_seconds_count"
IN_PROGRESS = "http_requests_in_progress"
READS = "cache_reads_total"


# The page


@pytest.fixture
def anybody():
    return Client(enforce_csrf_checks=True)


@pytest.mark.parametrize("address", ["/metrics", "/metrics/"])
@pytest.mark.django_db(transaction=True)
def test_the_page_is_what_prometheus_reads(anybody, address):
    answer = anybody.get(address, headers={"Host": "10.1.2.3:8000"})
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=0.0.4")
    assert answer["Cache-Control"] == "no-store"
    told = Told(answer.content.decode())
    assert told("figures_up", source="database") == 1
    assert {"http_request_duration_seconds", "django_db_query_duration_seconds"} <= {
        family.name for family in told.families
    }


@pytest.mark.django_db(transaction=True)
def test_who_prefers_openmetrics_gets_that(anybody):
    accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
    answer = anybody.get("/metrics", headers={"Accept": accept})
    assert answer["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert answer.content.endswith(b"# EOF\n")


def test_nothing_else_can_be_done_with_it(anybody):
    answer = anybody.post("/metrics")
    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")


@pytest.mark.slow
def test_whatever_host_is_named_probes_and_prometheus_are_answered(anybody, settings):
    settings.SECURE_SSL_REDIRECT = True  # as in production, where they come without TLS
    for address in ("/health", "/ready", "/metrics"):
        for host in ("web:8000", "10.1.2.3:8000", "[fd00::1]:8000"):
            assert anybody.head(address, headers={"Host": host}).status_code in {200, 503}


# Requests


@pytest.mark.django_db
def test_a_request_is_counted_under_its_route_method_and_status(client):
    product = ProductFactory()
    with moving() as moved:
        client.get(f"/api/v1/products/{product.pk}?fields[products]=sku")
    labels = {"route": "/api/v1/products/<pk>", "method": "GET", "status": "200"}
    assert moved(REQUESTS, **labels) == 1
    assert moved(REQUESTS) == 1
    assert 0 < moved("http_request_duration_seconds_sum", **labels) < 10
    assert moved(IN_PROGRESS) == 0


def test_the_reading_of_figures_moves_none(anybody):
    with moving() as moved:
        anybody.head("/metrics")
    assert (moved(REQUESTS), moved(IN_PROGRESS)) == (0, 0)


@pytest.mark.parametrize("address", ["/crash", "/stream"])
@pytest.mark.urls("tests.common.observability.addresses")
@pytest.mark.slow
def test_none_stays_in_progress(anybody, address):
    anybody.raise_request_exception = False
    with moving() as moved:
        answer = anybody.get(address)
        if answer.streaming:
            with moving() as meanwhile:
                b"".join(answer)
            assert (meanwhile(REQUESTS), meanwhile(IN_PROGRESS)) == (1, -1)
    assert (moved(REQUESTS, route=address), moved(IN_PROGRESS)) == (1, 0)


@pytest.mark.django_db
@pytest.mark.slow
def test_clients_cannot_make_more_and_more_figures(client):
    """Each of these is asked once before, so what they are counted under is there already."""

    def ask(name):
        client.get(f"/{name}")
        client.get(f"/api/v1/{name}?{name}={name}")
        client.get(f"/static/{name}.css")
        client.get(f"/admin/{name}/")
        client.get(f"/api/v1/products/{name}")
        client.get(f"/api/v1/products/01a203c6-d74b-736a-82bd-{name:012x}")
        client.generic(f"M{name}", "/health")
        client.generic(f"M{name}", "/api/v1/products")
        client.get("/health", headers={"User-Agent": f"{name}", "X-Request-ID": f"{name}"})

    ask(1)
    with moving() as moved:
        for name in range(2, 112):
            ask(name)
    assert moved(REQUESTS) == 110 * 9
    assert moved.new == 0


# Cached products


@pytest.mark.usefixtures("commits_at_once")
@pytest.mark.django_db
def test_each_product_that_is_asked_for_is_a_hit_or_a_miss(client):
    path = f"/api/v1/products/{ProductFactory().pk}"
    with moving() as missed:
        client.get(path)
    with moving() as hit:
        client.get(path)
    with moving() as hit_the_ordinary_way:
        client.get(path, headers={"Content-Type": "application/vnd.api+json"})
    assert (missed(READS, result="miss"), missed(READS)) == (1, 1)
    assert (hit(READS, result="hit"), hit(READS)) == (1, 1)
    assert (hit_the_ordinary_way(READS, result="hit"), hit_the_ordinary_way(READS)) == (1, 1)


@pytest.mark.usefixtures("no_redis")
@pytest.mark.django_db
def test_without_redis_the_cache_is_unavailable(client):
    path = f"/api/v1/products/{ProductFactory().pk}"
    with moving() as moved:
        assert client.get(path).status_code == 200
    assert (moved(READS, result="unavailable"), moved(READS)) == (1, 1)
