"""The peer of the bench does what ours does: otherwise it would be no peer."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen
from uuid import uuid4

import psycopg
import pytest
import requests
from psycopg.rows import dict_row

from tests.bench.contenders import UNITS, Contender, Effect, running_peer
from tests.event_schemas import validator
from tests.metrics import Told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from requests import Response

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("peer")]
NOW = datetime(2026, 1, 2, tzinfo=UTC)
TWINS = 12
ROUTE = "/api/v1/inventory/{product_id}"


def a_product(number: int) -> dict[str, Any]:
    return {
        "id": str(uuid4()), "sku": f"MUG-{number}", "name": "Mug", "description": "", "price": "5",
        "images": [], "barcode": None, "status": "active", "category_id": None,
        "created_at": NOW.isoformat(), "updated_at": NOW.isoformat(), "version": 1,
    }  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("peer")


@pytest.fixture(scope="module")
def peer(folder) -> Iterator[Contender]:
    with running_peer(folder, [a_product(number) for number in range(10)]) as running:
        yield running


@pytest.fixture
def product(peer) -> str:
    """One that no other test has changed."""
    return peer.products.pop()


def change(peer: Contender, product: str, body: Any, **headers: str) -> Response:
    return requests.patch(
        f"http://127.0.0.1:{peer.port}/api/v1/inventory/{product}",
        data=body if isinstance(body, str) else json.dumps(body),
        headers={"X-API-Key": peer.key, **headers},
        timeout=30,
    )


def with_key(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


def rows(peer: Contender, query: str, *values: str) -> list[dict[str, Any]]:
    with psycopg.connect(peer.database, row_factory=dict_row) as connection:
        return connection.execute(query, values).fetchall()


def figures(peer: Contender) -> Effect:
    found = peer.stock_figures()
    assert found
    return found


def test_a_change_is_told_like_ours(peer, product):
    body = {"quantity_delta": -3, "reference": "ORDER-7"}
    assert change(peer, product, body, **{"X-Request-ID": "r-7"}).status_code == 200
    [moved] = rows(peer, "SELECT * FROM movements WHERE product_id = %s", product)
    [told] = rows(peer, "SELECT * FROM events WHERE subject_id = %s", product)
    validator(told["type"]).validate(told["data"])
    assert told["data"]["movement_id"] == str(moved["id"])
    assert (told["data"]["before"], told["data"]["after"]) == (UNITS, UNITS - 3)
    assert moved["on_hand_after"] == UNITS - 3
    assert moved["request_id"] == told["request_id"] == "r-7"
    assert told["actor"] == "bench"


def test_a_key_makes_a_change_once(peer, product):
    before = figures(peer)
    first = change(peer, product, {"quantity_delta": -3}, **with_key("once"))
    again = change(peer, product, '{ "quantity_delta":-3 }', **with_key('"once"'))
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    other = change(peer, product, {"quantity_delta": -4}, **with_key("once"))
    assert other.status_code == 422
    assert other.json()["errors"][0]["code"] == "idempotency_key_reused"
    assert figures(peer) == Effect(
        before.units - 3, 0, before.movements + 1, before.events + 1, before.records + 1
    )


def test_twins_at_once_change_stock_once(peer, product):
    start = Barrier(TWINS, timeout=10)

    def send(_number: int) -> Response:
        start.wait()
        return change(peer, product, {"quantity_delta": -1}, **with_key("twins"))

    with ThreadPoolExecutor(TWINS) as threads:
        answers = list(threads.map(send, range(TWINS)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    [stock] = rows(peer, "SELECT * FROM stock WHERE product_id = %s", product)
    assert (stock["on_hand"], stock["movement_count"]) == (UNITS - 1, 1)


def test_a_refusal_stays_one(peer, product):
    assert change(peer, product, {"quantity_delta": -UNITS}).status_code == 200
    before = figures(peer)
    refused = change(peer, product, {"quantity_delta": -1}, **with_key("more"))
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["meta"] == {"available": 0}
    assert figures(peer).movements == before.movements
    assert change(peer, product, {"quantity_delta": 5}).status_code == 200
    again = change(peer, product, {"quantity_delta": -1}, **with_key("more"))
    assert (again.status_code, again.content) == (422, refused.content)


@pytest.mark.parametrize(
    "body",
    [
        {"quantity_delta": 0}, {"quantity_delta": True}, {"quantity_delta": 1.5},
        {"quantity_delta": "1"}, {"quantity_delta": 10**9 + 1}, {}, [], "no JSON",
        {"quantity_delta": 1, "surprise": 1},
    ],
)  # fmt: skip
def test_other_bodies_are_refused(peer, body):
    before = figures(peer)
    assert change(peer, peer.products[0], body).status_code == 422
    assert figures(peer) == before


def test_keys_of_another_form_are_refused(peer):
    before = figures(peer)
    for key in ("", "a,b", "a b", "x" * 256):
        refused = change(peer, peer.products[0], {"quantity_delta": 1}, **with_key(key))
        assert refused.status_code == 400
    assert figures(peer) == before


def told(peer: Contender) -> Told:
    with urlopen(f"http://127.0.0.1:{peer.port}/metrics", timeout=10) as answer:
        return Told(answer.read().decode())


def test_processes_count_together(peer, product):
    before = told(peer)("http_request_duration_seconds_count", route=ROUTE, status="200")
    for _ in range(20):
        assert change(peer, product, {"quantity_delta": 1}).status_code == 200
    for _ in range(8):  # whichever process answers
        now = told(peer)
        counted = now("http_request_duration_seconds_count", route=ROUTE, status="200")
        assert counted == before + 20
        assert now("http_requests_in_progress") == 0
    assert requests.get(f"http://127.0.0.1:{peer.port}/nowhere", timeout=10).status_code == 404
    assert told(peer)("http_request_duration_seconds_count", route="unmatched") == 1


def test_the_lean_one_only_changes_stock(folder):
    with running_peer(folder, [a_product(1)], is_lean=True) as lean:
        before = figures(lean)
        for _ in range(2):
            sold = change(lean, lean.products[0], {"quantity_delta": -1}, **with_key("ignored"))
            assert sold.status_code == 200
        after = figures(lean)
        assert after == Effect(before.units - 2, 0, before.movements + 2)
        assert told(lean)("http_request_duration_seconds_count") == 0
