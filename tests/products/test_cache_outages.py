"""Products while Redis is away, full, frozen, or holds garbage (RULES §6)."""

from __future__ import annotations

import time
from threading import Barrier

import pytest

from common import redis
from products import cache
from products.models import Product
from tests.api_client import JSON, ApiClient
from tests.products.caching import (
    PRODUCTS,
    headers_of,
    is_hit,
    name_in,
    wait_for_recovery,
)
from tests.racing import race
from tests.waiting import wait_until

pytestmark = pytest.mark.slow


@pytest.mark.usefixtures("no_redis")
def test_without_redis_products_come_from_the_database(client, path):
    for _ in range(3):
        answer = client.get(path)
        assert (name_in(answer), is_hit(answer)) == ("Mug", False)


def test_without_redis_the_answer_is_the_same(client, path, own_redis):
    client.get(path)
    cached = client.get(path)
    assert is_hit(cached)
    own_redis.kill()
    for _ in range(3):
        answer = client.get(path)
        assert not is_hit(answer)
        assert (answer.content, headers_of(answer)) == (cached.content, headers_of(cached))


@pytest.mark.parametrize("fault", ["killed", "frozen"])
@pytest.mark.usefixtures("commits_at_once")
def test_an_outage_is_survived_and_nothing_of_before_is_served_after_it(
    client, path, own_redis, fault
):
    client.get(path)
    assert is_hit(client.get(path))
    getattr(own_redis, {"killed": "kill", "frozen": "freeze"}[fault])()
    began = time.monotonic()
    assert client.patch(path, {"name": "Cup"}, JSON).status_code == 200
    for _ in range(20):
        assert name_in(client.get(path)) == "Cup"
    assert time.monotonic() - began < 3  # and not twenty times 0.3
    getattr(own_redis, {"killed": "start", "frozen": "thaw"}[fault])()
    wait_for_recovery()
    answer = client.get(path)
    assert (name_in(answer), is_hit(answer)) == ("Cup", False)
    wait_until(lambda: is_hit(client.get(path)))
    assert name_in(client.get(path)) == "Cup"


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"garbage",
        b"\n\n\n",
        b"00000000\n",
        b"00000000\nepoch\n1\n{}",
        b"\x00" * 1_000,
        b"lease:",
        b"9" * 100_000,
    ],
)
def test_garbage_in_place_of_an_entry_is_not_served(client, path, product, own_redis, garbage):
    client.get(path)
    own_redis.client.set(cache.key(product.pk), garbage)
    for _ in range(2):
        assert name_in(client.get(path)) == "Mug"


def test_an_entry_with_one_wrong_byte_is_not_served_but_made_anew(client, path, product, own_redis):
    client.get(path)
    name = cache.key(product.pk)
    kept = own_redis.client.get(name)
    for place in (0, 12, len(kept) // 2, len(kept) - 1):
        changed = bytearray(kept)
        changed[place] ^= 1
        own_redis.client.set(name, bytes(changed))
        answer = client.get(path)
        assert (name_in(answer), is_hit(answer)) == ("Mug", False)
        assert is_hit(client.get(path))


def test_a_value_of_another_kind_is_replaced(client, path, product, own_redis):
    own_redis.client.rpush(cache.key(product.pk), "garbage")
    assert name_in(client.get(path)) == "Mug"
    assert is_hit(client.get(path))


def test_garbage_in_place_of_the_epoch_serves_nothing(client, path, own_redis):
    client.get(path)
    own_redis.client.delete(redis.epoch_key())
    own_redis.client.rpush(redis.epoch_key(), "garbage")
    for _ in range(3):
        answer = client.get(path)
        assert (name_in(answer), is_hit(answer)) == ("Mug", False)


@pytest.mark.usefixtures("commits_at_once")
def test_a_full_redis_is_survived(client, path, own_redis):
    client.get(path)
    own_redis.client.config_set("maxmemory", 1)
    assert is_hit(client.get(path))  # what is there can be read
    assert client.patch(path, {"name": "Cup"}, JSON).status_code == 200
    for _ in range(3):
        answer = client.get(path)
        assert (name_in(answer), is_hit(answer)) == ("Cup", False)
    own_redis.client.config_set("maxmemory", 0)
    client.get(path)
    assert is_hit(client.get(path))


def test_a_quota_that_redis_cannot_count_does_not_lock_anybody_out(api_client, path, own_redis):
    client = api_client("products:read", quota=3)
    own_redis.kill()
    answers = [client.get(path) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_a_frozen_redis_slows_nobody_down_for_long(client, stored, own_redis):
    path = f"{PRODUCTS}/{stored.pk}"
    together = Barrier(8)

    def read(number):
        reader = ApiClient(client.key)
        reader.get(path)  # with a connection of its own from here on
        if together.wait(10) == 0:
            own_redis.freeze()
        together.wait(10)
        began = time.monotonic()
        assert name_in(reader.get(path)) == "Mug"
        return time.monotonic() - began

    waits = race(read, workers=8)
    assert max(waits) < 1.5  # and not eight times 0.3
    assert Product.objects.count() >= 1
