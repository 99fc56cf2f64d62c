"""A cached product at the web server's own door: sooner, and otherwise as through Django."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from common.api import shortcuts, wsgi
from products.api.cached import ROUTE
from tests.api_client import JSON, JSON_API
from tests.common.observability.conftest import log_lines  # noqa: F401 - a fixture
from tests.doors import Answer, answer_of, by_the_middlewares, entered  # noqa: F401 - two fixtures
from tests.metrics import moving

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db(transaction=True)

COUNTED = "http_request_duration_seconds_count"


@pytest.fixture
def ask(client, stored, entered) -> Callable[..., Answer]:  # noqa: F811
    """Through the whole service, as gunicorn does; the product is in the cache by then."""
    path = f"/api/v1/products/{stored.pk}"

    def ask(*, method: str = "GET", key: str = client.key, door: Any = None, **more: Any) -> Answer:
        from config.wsgi import application

        environ = {"PATH_INFO": path, "HTTP_X_API_KEY": key} | more
        environ = client._base_environ(REQUEST_METHOD=method, **environ)
        return answer_of(door or application, environ, entered)

    ask()
    return ask


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("accept", [JSON, JSON_API, "*/*"])
@pytest.mark.parametrize(("tag", "status"), [('"7"', "200 OK"), ('"1"', "304 Not Modified")])
def test_it_is_the_same_answer(ask, by_the_middlewares, method, accept, tag, status):  # noqa: F811
    asked = {"method": method, "HTTP_ACCEPT": accept, "HTTP_IF_NONE_MATCH": tag}
    sooner = ask(**asked)
    by_the_middlewares()
    usual = ask(**asked)
    assert (sooner.is_sooner, usual.is_sooner) == (True, False)
    assert sooner.status == usual.status == status
    assert sooner.usual_headers == usual.usual_headers
    assert sooner.headers.keys() == usual.headers.keys()
    assert sooner.body == usual.body
    assert bool(sooner.body) == (method == "GET" and status == "200 OK")


def test_the_id_of_the_request_is_echoed(ask):
    answer = ask(HTTP_X_REQUEST_ID="order-1")
    assert (answer.is_sooner, answer.headers["X-Request-ID"]) == (True, "order-1")
    assert ask().headers["X-Request-ID"] != ask().headers["X-Request-ID"]


@pytest.mark.parametrize(
    ("more", "is_sooner", "cache"),
    [
        ({}, True, "hit"),
        ({"QUERY_STRING": "include="}, False, None),
        ({"HTTP_ORIGIN": "https://shop.example"}, False, "hit"),
    ],
)
def test_each_is_counted_once_and_has_one_line(ask, log_lines, more, is_sooner, cache):  # noqa: F811
    log_lines()
    with moving() as moved:
        answer = ask(HTTP_X_REQUEST_ID="order-1", **more)
    assert answer.is_sooner is is_sooner
    (line,) = [one for one in log_lines() if one["event"] == "request"]
    assert (line["request_id"], line["route"], line["status"]) == ("order-1", ROUTE, 200)
    assert (line["client"], line.get("cache")) == ("tester", cache)
    assert moved(COUNTED, route=ROUTE, method="GET", status="200") == moved(COUNTED) == 1
    assert moved("http_requests_in_progress") == 0
    assert moved("cache_reads_total", result="hit") == (cache == "hit")


def test_each_is_counted_once_in_the_quota(ask, api_client):
    key = api_client("products:read", quota=6).key
    ways: list[dict[str, Any]] = [
        {},
        {"HTTP_IF_NONE_MATCH": '"1"'},
        {"QUERY_STRING": "include="},
        {"HTTP_ORIGIN": "https://shop.example"},
        {"PATH_INFO": "/api/v1/products/01a1fd94-0000-7000-8000-000000000000"},
        {},
    ]
    answers = [ask(key=key, **way) for way in ways]
    left = [int(one.headers["RateLimit"].split("r=")[1].split(";")[0]) for one in answers]
    assert left == [5, 4, 3, 2, 1, 0]
    assert [one.is_sooner for one in answers] == [True, True, False, False, False, True]
    refused = ask(key=key)
    assert (refused.status[:3], refused.is_sooner) == ("429", False)


def test_plain_http_is_sent_to_https_where_that_is_wanted(ask, settings):
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    door = wsgi.Handler(shortcuts.offered)  # middlewares read their settings when they are made
    plain = ask(door=door)
    assert (plain.status[:3], plain.is_sooner) == ("301", False)
    assert plain.headers["Location"].startswith("https://")
    secure = ask(door=door, HTTP_X_FORWARDED_PROTO="https")
    assert (secure.status, secure.is_sooner) == ("200 OK", True)


def test_a_host_that_is_not_ours_is_refused(ask):
    answer = ask(HTTP_HOST="evil.example")
    assert (answer.status[:3], answer.is_sooner) == ("400", False)
    assert b"Mug" not in answer.body


def test_pages_of_other_origins_may_read_it(ask):
    answer = ask(HTTP_ORIGIN="https://shop.example")
    assert answer.status == "200 OK"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "X-Request-ID" in answer.headers["access-control-expose-headers"]


@pytest.mark.parametrize("key", ["", "nonsense"])
def test_who_has_no_key_gets_nothing(ask, key):
    answer = ask(key=key)
    assert (answer.status[:3], answer.is_sooner) == ("401", False)
    assert b"Mug" not in answer.body
