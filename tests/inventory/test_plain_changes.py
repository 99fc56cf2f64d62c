"""A change of stock at the web server's own door: sooner, and otherwise as through Django."""

from __future__ import annotations

import json
import re
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError

from common.idempotency.models import IdempotencyRecord
from inventory.api import plain_changes
from inventory.models import StockLevel, StockMovement
from tests.api_client import JSON, JSON_API
from tests.common.observability.conftest import log_lines  # noqa: F401 - a fixture
from tests.doors import Answer, answer_of, by_the_middlewares, entered  # noqa: F401 - fixtures
from tests.factories import StockLevelFactory
from tests.metrics import moving

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db(transaction=True)

COUNTED = "http_request_duration_seconds_count"
REFUSED = "stock_refusals_total"
KEYED = "idempotent_requests_total"
IDS = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SKU = re.compile(r"SKU-\d+")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")


@pytest.fixture
def mug() -> StockLevel:
    return StockLevelFactory(on_hand=7)


@pytest.fixture
def ask(client, mug, entered) -> Callable[..., Answer]:  # noqa: F811
    """PATCH of the mug's inventory, through the whole service, as gunicorn does."""

    def ask(
        body: Any, *, level: StockLevel = mug, media_type: str = JSON, method: str = "PATCH",
        key: str = client.key, **more: Any
    ) -> Answer:  # fmt: skip
        from config.wsgi import application

        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        environ = {
            "PATH_INFO": f"/api/v1/inventory/{level.product_id}",
            "HTTP_X_API_KEY": key,
            "CONTENT_TYPE": media_type,
            "CONTENT_LENGTH": str(len(sent)),
            "wsgi.input": BytesIO(sent),
        }
        environ = client._base_environ(REQUEST_METHOD=method) | environ | more
        return answer_of(application, environ, entered)

    return ask


def comparable(answer: Answer) -> tuple[str, dict[str, str], str]:
    """Without what differs from product to product, and from moment to moment."""
    headers = {name: it for name, it in answer.usual_headers.items() if name != "ETag"}
    body = SKU.sub("sku", MOMENT.sub("then", IDS.sub("id", answer.body.decode())))
    return answer.status, headers, body


def document(level: StockLevel, **attributes: Any) -> dict[str, Any]:
    own = {"type": "inventory", "id": str(level.product_id)}
    return {"data": own | {"attributes": attributes}}


def left(level: StockLevel) -> tuple[int, int]:
    """Units on hand, and movements after the first."""
    level.refresh_from_db()
    return level.on_hand, StockMovement.objects.filter(stock_level=level, sequence__gt=1).count()


CHANGED = [
    {"quantity_delta": -2},
    {"quantity_delta": 3, "reason": "return", "reference": "ORDER-1", "note": "behind the shelf"},
    {"quantity": 4, "expected_quantity": 7},
    {"quantity": 7, "expected_quantity": 7},
    {"quantity_delta": -1, "last_updated": "2026-01-01T00:00:00Z"},
]
REFUSALS = [
    {"quantity_delta": -8},
    {"quantity_delta": 0},
    {"quantity_delta": "-1"},
    {"quantity_delta": -1, "colour": "red"},
    {"quantity": 4},
    {"quantity": 4, "expected_quantity": 6},
    {"quantity_delta": -1, "product": "another"},
    {"quantity_delta": -1, "location": "nowhere"},
    {"quantity_delta": 10**19},
    [],
    b"{",
    b"",
    b'{"quantity_delta": -1, "quantity_delta": -2}',
]


@pytest.mark.parametrize("accept", [JSON, JSON_API, "*/*"])
@pytest.mark.parametrize("key", [None, "order-1"])
@pytest.mark.parametrize("body", CHANGED)
def test_it_is_the_same_answer(ask, mug, by_the_middlewares, body, key, accept):  # noqa: F811
    more = {"HTTP_ACCEPT": accept} | ({"HTTP_IDEMPOTENCY_KEY": key} if key else {})
    other = StockLevelFactory(on_hand=7)
    sooner = ask(body, **more)
    by_the_middlewares()
    usual = ask(body, level=other, **more)
    assert (sooner.is_sooner, usual.is_sooner) == (True, False)
    assert sooner.status == "200 OK"
    assert comparable(sooner) == comparable(usual)
    assert sooner.headers.keys() == usual.headers.keys()
    assert left(mug) == left(other)
    again = ask(body, **more)  # by Django; with a key it is what was kept
    if key:
        assert again.body == sooner.body
        assert again.headers["Idempotent-Replayed"] == "true"
        assert again.headers["ETag"] == sooner.headers["ETag"]


@pytest.mark.parametrize("key", [None, "order-1"])
@pytest.mark.parametrize("body", REFUSALS)
@pytest.mark.slow
def test_a_refusal_is_the_same_too_and_decided_once(
    ask, mug, by_the_middlewares, body, key  # noqa: F811
):  # fmt: skip
    more = {"HTTP_IDEMPOTENCY_KEY": key} if key else {}
    other = StockLevelFactory(on_hand=7)
    with moving() as moved:
        sooner = ask(body, **more)
    by_the_middlewares()
    with moving() as moved_usually:
        usual = ask(body, level=other, **more)
    assert not sooner.is_sooner
    assert sooner.status[0] == "4"
    assert comparable(sooner) == comparable(usual)
    assert left(mug) == left(other) == (7, 0)
    for figure in (REFUSED, KEYED, COUNTED):
        assert moved(figure) == moved_usually(figure), figure
    assert moved("http_requests_in_progress") == 0


def test_a_jsonapi_document(ask, mug):
    answer = ask(document(mug, quantity_delta=-2), media_type=JSON_API)
    assert (answer.status, answer.is_sooner) == ("200 OK", True)
    assert left(mug) == (5, 1)


def test_a_document_of_another_is_a_conflict(ask, mug):
    other = StockLevelFactory(on_hand=7)
    answer = ask(document(other, quantity_delta=-2), media_type=JSON_API)
    assert (answer.status[:3], answer.is_sooner) == ("409", False)
    assert left(mug) == left(other) == (7, 0)


@pytest.mark.parametrize(
    "more",
    [
        {"HTTP_IF_MATCH": '"1"'},
        {"HTTP_IF_NONE_MATCH": '"7"'},
        {"QUERY_STRING": "include=product"},
        {"HTTP_ORIGIN": "https://shop.example"},
        {"HTTP_ACCEPT": "text/html"},
    ],
)
def test_whoever_asks_for_more_goes_the_ordinary_way(ask, mug, more):
    assert not ask({"quantity_delta": -1}, **more).is_sooner


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"key": ""}, "401"),
        ({"key": "nonsense"}, "401"),
        ({"CONTENT_TYPE": "text/plain"}, "415"),
        ({"HTTP_CONTENT_ENCODING": "gzip"}, "415"),
        ({"CONTENT_LENGTH": "1000"}, "400"),
        ({"CONTENT_LENGTH": "nine"}, "400"),
        ({"HTTP_IDEMPOTENCY_KEY": "a,b"}, "400"),
        ({"HTTP_HOST": "evil.example"}, "400"),
        ({"HTTP_ACCEPT": "image/png"}, "406"),
    ],
)
def test_what_is_wrong_is_said_on_the_ordinary_way(ask, mug, more, status):
    answer = ask({"quantity_delta": -1}, **more)
    assert (answer.status[:3], answer.is_sooner) == (status, False)
    assert left(mug) == (7, 0)


def test_a_body_that_does_not_come_is_waited_for_once(ask, mug):
    class Late(BytesIO):
        reads = 0

        def read(self, *_: Any) -> bytes:
            self.reads += 1
            raise TimeoutError

        readline = read

    body = Late()
    answer = ask({"quantity_delta": -1}, **{"wsgi.input": body})
    assert (answer.status[:3], body.reads) == ("408", 1)
    assert left(mug) == (7, 0)


def test_who_may_only_read_changes_nothing(ask, mug, api_client):
    answer = ask({"quantity_delta": -1}, key=api_client("inventory:read").key)
    assert (answer.status[:3], answer.is_sooner) == ("403", False)
    assert left(mug) == (7, 0)


def test_each_is_counted_once_in_the_quota(ask, mug, api_client):
    key = api_client("inventory:write", quota=3).key
    answers = [ask({"quantity_delta": delta}, key=key) for delta in (-1, -100, -1, -1)]
    assert [answer.status[:3] for answer in answers] == ["200", "422", "200", "429"]
    assert [answer.is_sooner for answer in answers] == [True, False, True, False]
    assert left(mug) == (5, 2)


@pytest.mark.slow
def test_log_figures_and_ledger_know_whose_it_was(ask, mug, log_lines):  # noqa: F811
    log_lines()
    with moving() as moved:
        answer = ask({"quantity_delta": -1}, HTTP_X_REQUEST_ID="order-1")
    assert (answer.is_sooner, answer.headers["X-Request-ID"]) == (True, "order-1")
    (line,) = [one for one in log_lines() if one["event"] == "request"]
    assert line["route"] == plain_changes.ROUTE
    assert (line["request_id"], line["client"], line["status"]) == ("order-1", "tester", 200)
    movement = StockMovement.objects.get(stock_level=mug, sequence=2)
    assert (movement.request_id, movement.actor) == ("order-1", "tester")
    assert moved(COUNTED, route=plain_changes.ROUTE, method="PATCH", status="200") == 1
    assert moved(COUNTED) == 1
    assert moved("http_requests_in_progress") == 0


@pytest.mark.parametrize("key", [None, "order-1"])
def test_what_fails_after_the_change_is_not_changed_again(ask, mug, monkeypatch, key):
    def broken(*_: Any) -> Any:
        raise RuntimeError("a bug")

    monkeypatch.setattr(plain_changes, "_ready", broken)
    more = {"HTTP_IDEMPOTENCY_KEY": key} if key else {}
    answer = ask({"quantity_delta": -1}, **more)
    assert not answer.is_sooner
    assert answer.status[:3] == ("200" if key else "500")  # what was kept can be told
    assert left(mug) == (6, 1)


@pytest.mark.slow
def test_a_refusal_with_a_key_is_kept(ask, mug):
    with moving() as moved:
        refused = ask({"quantity_delta": -8}, HTTP_IDEMPOTENCY_KEY="order-1")
        ask({"quantity_delta": 5})
        again = ask({"quantity_delta": -8}, HTTP_IDEMPOTENCY_KEY="order-1")
    assert (refused.status[:3], again.status[:3]) == ("422", "422")
    assert (again.body, again.headers["Idempotent-Replayed"]) == (refused.body, "true")
    assert (moved(KEYED, outcome="applied"), moved(KEYED, outcome="replayed")) == (1, 1)
    assert moved(REFUSED) == 1
    assert IdempotencyRecord.objects.filter(key="order-1").count() == 1


def test_a_key_that_came_with_another_change_is_refused(ask, mug):
    with moving() as moved:
        first = ask({"quantity_delta": -1}, HTTP_IDEMPOTENCY_KEY="order-1")
        second = ask({"quantity_delta": -2}, HTTP_IDEMPOTENCY_KEY="order-1")
    assert (first.is_sooner, second.is_sooner, second.status[:3]) == (True, False, "422")
    assert b"idempotency_key_reused" in second.body
    assert (moved(KEYED, outcome="applied"), moved(KEYED, outcome="key_reused")) == (1, 1)
    assert left(mug) == (6, 1)


def test_a_bug_before_the_change_is_told_and_does_no_harm(ask, mug, monkeypatch, log_lines):  # noqa: F811
    log_lines()
    monkeypatch.setattr(plain_changes, "_document", lambda _request: 1 / 0)
    answer = ask({"quantity_delta": -1})
    assert (answer.status, answer.is_sooner) == ("200 OK", False)
    (line,) = [one for one in log_lines() if one["event"] == "shortcut_failed"]
    assert (line["level"], "ZeroDivisionError" in line["exception"]) == ("error", True)
    assert left(mug) == (6, 1)


def test_who_is_over_the_quota_is_told_so_before_the_body_is_waited_for(ask, mug, api_client):
    class Unread(BytesIO):
        def read(self, *_: Any) -> bytes:
            raise AssertionError("the body was asked for")

        readline = read

    key = api_client("inventory:write", quota=1).key
    assert ask({"quantity_delta": -1}, key=key).is_sooner
    answer = ask({"quantity_delta": -1}, key=key, **{"wsgi.input": Unread()})
    assert answer.status[:3] == "429"
    assert left(mug) == (6, 1)


@pytest.mark.parametrize("body", [{"quantity_delta": -8}, {"quantity_delta": 0}])
def test_the_time_of_a_refusal_counts_from_the_door(ask, log_lines, monkeypatch, body):  # noqa: F811
    log_lines()
    clock = iter(range(1000))
    monkeypatch.setattr("common.observability.middleware.perf_counter", lambda: next(clock))
    monkeypatch.setattr("common.observability.middleware.milliseconds_since", lambda began: began)
    assert ask(body).status[:3] == "422"
    (line,) = [one for one in log_lines() if one["event"] == "request"]
    assert line["duration_ms"] == 0  # the clock's first, which the door has read


@pytest.mark.parametrize("key", [None, "order-1"])
def test_a_database_that_is_away_is_asked_once(ask, mug, monkeypatch, key):
    tries = []

    def away(**_: Any) -> Any:
        tries.append("adjust")
        raise OperationalError("gone")

    monkeypatch.setattr(f"inventory.operations.adjust_stock{'_once' * bool(key)}", away)
    answer = ask({"quantity_delta": -1}, **({"HTTP_IDEMPOTENCY_KEY": key} if key else {}))
    assert (answer.status[:3], answer.headers["Retry-After"]) == ("503", "1")
    assert tries == ["adjust"]
    assert not IdempotencyRecord.objects.exists()


def test_a_key_that_cannot_be_verified_is_looked_up_once(ask, monkeypatch):
    tries = []

    def away(secret: str) -> Any:
        tries.append(secret)
        raise OperationalError("gone")

    monkeypatch.setattr("common.api.shortcuts.verify", away)
    monkeypatch.setattr("common.access.authentication.verify", away)
    assert ask({"quantity_delta": -1}).status[:3] == "503"
    assert len(tries) == 1
