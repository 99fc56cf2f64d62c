"""How far a replica must have come for whom."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError
from django_redis import get_redis_connection

from common import redis
from common.redis import RedisUnavailable
from common.replica import positions
from tests.factories import StockLevelFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noting")]

SHOP = SimpleNamespace(id="shop", is_staff=False, is_authenticated=True)
TILL = SimpleNamespace(id="till", is_staff=False, is_authenticated=True)
NOBODY = SimpleNamespace(is_authenticated=False)


def now() -> int:
    return positions._of_primary()


def entry(name: str) -> bytes | None:
    return get_redis_connection("default").hget(positions._key(), name)


def names() -> list[bytes]:
    return get_redis_connection("default").hkeys(positions._key())


@pytest.fixture
def begun():
    """The past is covered: from here on, entries are told apart."""
    assert positions.needed(SHOP) is None
    since = positions.needed(SHOP)
    assert since <= now()
    return since


def test_a_client_that_wrote_needs_what_it_wrote_and_others_do_not(begun):
    StockLevelFactory()
    written = now()
    positions.note(SHOP)
    assert positions.needed(SHOP) >= written > begun
    assert positions.needed(TILL) == begun


def test_the_highest_of_a_clients_positions_counts(begun, monkeypatch):
    monkeypatch.setattr(positions, "_of_primary", lambda: begun + 500)
    positions.note(SHOP)
    monkeypatch.setattr(positions, "_of_primary", lambda: begun + 100)
    positions.note(SHOP)  # the slower of two that were answered at once
    assert positions.needed(SHOP) == begun + 500


def test_nobody_has_no_position(begun):
    positions.note(NOBODY)
    assert positions.needed(TILL) == begun


def lose_all(client):
    client.delete(positions._key())


def lose_the_epoch(client):
    client.delete(redis.epoch_key())


def find_another_type(client):
    client.delete(positions._key())
    client.set(positions._key(), "garbage")


def find_garbage(client):
    client.hset(positions._key(), positions.SINCE, "garbage" * 5)


def forget(_client):
    positions.forget()


@pytest.mark.parametrize(
    "lose", [lose_all, lose_the_epoch, find_another_type, find_garbage, forget]
)
def test_what_redis_loses_is_covered_by_a_new_beginning(begun, lose):
    """Whoever wrote before is read from the primary, or where the replica has come as far."""
    StockLevelFactory()
    written = now()
    positions.note(SHOP)
    lose(get_redis_connection("default"))
    asked = [positions.needed(SHOP) for _ in range(3)]
    assert asked[0] is None
    assert asked[2] >= written


@pytest.mark.parametrize(
    ("asked", "failure"),
    [("replica.positions._of_primary", DatabaseError), ("redis.pipelined", RedisUnavailable)],
)
def test_what_cannot_be_noted_is_covered_as_well(begun, monkeypatch, asked, failure):
    def away(*_):
        raise failure

    StockLevelFactory()
    written = now()
    with monkeypatch.context() as patch:
        patch.setattr(f"common.{asked}", away)
        positions.note(SHOP)
    assert positions.needed(SHOP) is None
    assert positions.needed(SHOP) >= written


def test_without_redis_the_primary_is_read(begun, monkeypatch):
    def away(_commands):
        raise RedisUnavailable

    monkeypatch.setattr(redis, "pipelined", away)
    assert positions.needed(SHOP) is None


def test_every_write_over_the_api_is_noted_and_no_read(client, begun):
    level = StockLevelFactory(on_hand=5)
    path = f"/api/v1/inventory/{level.product_id}"
    assert client.get(path).status_code == 200
    assert names() == [b"since"]
    sale = {"quantity_delta": -1}
    assert client.patch(path, sale, content_type="application/json").status_code == 200
    (name,) = {*names()} - {b"since"}
    assert name.startswith(b"client:")
    before = int(entry(name), 16)
    too_many = {"quantity_delta": -50}
    assert client.patch(path, too_many, content_type="application/json").status_code == 422
    assert int(entry(name), 16) >= before


def test_a_write_of_staff_in_the_back_office_is_noted(begun, client):
    user = User.objects.create_superuser("ada", password="secret")
    client.force_login(user)
    client.defaults.pop("HTTP_X_API_KEY", None)
    answer = client.post("/admin/products/product/", {"action": "none"}, content_type="text/plain")
    assert answer.status_code < 500
    assert entry(f"staff:{user.pk}")


def test_after_an_error_nobody_is_sure_of_anything(client, begun, monkeypatch):
    def fail(**_):
        raise RuntimeError

    client.raise_request_exception = False
    monkeypatch.setattr("inventory.operations.adjust_stock", fail)
    path = f"/api/v1/inventory/{StockLevelFactory().product_id}"
    assert client.patch(path, {"quantity_delta": -1}, "application/json").status_code == 500
    assert positions.needed(SHOP) is None


def test_who_has_read_the_feed_needs_what_it_told(client, read_only_client, begun):
    path = f"/api/v1/inventory/{StockLevelFactory(on_hand=5).product_id}"
    assert client.patch(path, {"quantity_delta": -1}, "application/json").status_code == 200
    writers = {*names()}
    feed = read_only_client.get("/api/v1/events?page[after]=").json()
    assert feed["data"]
    (reader,) = {*names()} - writers
    assert int(entry(reader), 16) >= begun
    get_redis_connection("default").hdel(positions._key(), reader)
    assert read_only_client.get(feed["links"]["next"]).json()["data"] == []
    assert entry(reader) is None  # it was told nothing new
