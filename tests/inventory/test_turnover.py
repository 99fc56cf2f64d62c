"""What Redis keeps of the turnover: served while it is ours and of today, or else read anew."""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict
from typing import Any

import pytest
from django.core.serializers.json import DjangoJSONEncoder
from django_redis import get_redis_connection

from common import redis
from inventory.operations import summarise_days
from inventory.queries.turnover import keep_turnover, kept_turnover, turnover
from tests.common.conftest import own_redis  # noqa: F401  a fixture
from tests.inventory.days import day, moved, stocked
from tests.products.caching import wait_for_recovery
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

OVERVIEW = "/admin/"


@pytest.fixture(autouse=True)
def sold() -> None:
    """Four mugs were sold."""
    moved(stocked(9, 20, sku="MUG"), 5, -4, "sale")
    summarise_days()


def kept_under() -> str:
    return redis.key("turnover", day(1))


def put(value: bytes) -> None:
    get_redis_connection("default").set(kept_under(), value)


def written_by_another_release(content: Any) -> bytes:
    """An entry of today that nothing is wrong with but what it says."""
    text = json.dumps(content, cls=DjangoJSONEncoder).encode()
    signed = b"%s\n%s" % (redis.begin_epoch(), text)
    return b"%08x\n%s" % (zlib.crc32(signed), signed)


def with_another_field(part: str) -> dict[str, Any]:
    found = asdict(turnover())
    return found | {part: [one | {"colour": "blue"} for one in found[part]]}


def test_what_is_kept_is_served(django_assert_num_queries):
    found = keep_turnover()
    with django_assert_num_queries(0):
        assert kept_turnover() == found


def test_an_entry_made_by_hand_is_served_like_ours(django_assert_num_queries):
    """Positive control of the next tests: the entries that they make are well made."""
    found = turnover()
    put(written_by_another_release(asdict(found)))
    with django_assert_num_queries(0):
        assert kept_turnover() == found


@pytest.mark.parametrize(
    "garbage",
    [b"", b"garbage", b"{}", b"[1, 2]", b"\n\n\n", b"00000000\n", b"\xff" * 1_000, b"9" * 100_000],
)
def test_garbage_is_not_served_but_made_anew(admin_client, django_assert_num_queries, garbage):
    keep_turnover()
    put(garbage)
    assert kept_turnover() == turnover()
    with django_assert_num_queries(0):
        kept_turnover()
    put(garbage)
    assert admin_client.get(OVERVIEW).status_code == 200


def test_one_wrong_byte_is_enough():
    found = keep_turnover()
    kept = get_redis_connection("default").get(kept_under())
    for place in (0, 12, kept.index(b"sale"), len(kept) - 1):
        changed = bytearray(kept)
        changed[place] ^= 1
        put(bytes(changed))
        assert kept_turnover() == found


def test_a_value_of_another_kind_is_replaced(django_assert_num_queries):
    server = get_redis_connection("default")
    server.delete(kept_under())
    server.rpush(kept_under(), "garbage")
    found = kept_turnover()
    with django_assert_num_queries(0):
        assert kept_turnover() == found


@pytest.mark.parametrize(
    "shape",
    [
        lambda: with_another_field("reasons"),
        lambda: with_another_field("days"),
        lambda: with_another_field("movers"),
        lambda: {"first": "2026-01-01", "last": "2026-01-28"},
        lambda: asdict(turnover()) | {"first": "the first"},
        lambda: asdict(turnover()) | {"movers": [{"product_id": 7}]},
        lambda: asdict(turnover()) | {"days": ["yesterday"]},
        lambda: [1, 2],
        lambda: None,
    ],
)
def test_an_entry_of_another_shape_is_read_anew(admin_client, shape):
    put(written_by_another_release(shape()))
    assert kept_turnover() == turnover()
    put(written_by_another_release(shape()))
    assert admin_client.get(OVERVIEW).status_code == 200


def test_nothing_of_before_an_outage_is_served_after_it(own_redis, django_assert_num_queries):  # noqa: F811
    before = keep_turnover()
    own_redis.kill()
    moved(stocked(8, 20, sku="PEN"), 4, -3, "sale")
    summarise_days()
    assert kept_turnover() == turnover() != before
    own_redis.start()
    assert own_redis.client.exists(kept_under())
    wait_for_recovery()
    assert kept_turnover() == turnover()
    wait_until(lambda: own_redis.client.exists(redis.epoch_key()))
    with django_assert_num_queries(0):
        assert kept_turnover() != before


def test_garbage_in_place_of_the_epoch_serves_nothing():
    before = keep_turnover()
    server = get_redis_connection("default")
    server.delete(redis.epoch_key())
    server.rpush(redis.epoch_key(), "garbage")
    moved(stocked(8, 20, sku="PEN"), 4, -3, "sale")
    assert kept_turnover() == before == turnover()
    summarise_days()
    assert kept_turnover() == turnover() != before
