"""The cached product: the same answer, sooner, and never a stale one (DESIGN.md, RULES §6)."""

from __future__ import annotations

import threading
import time
from contextlib import nullcontext
from threading import Barrier, Event

import pytest
from django.test import override_settings
from django_redis import get_redis_connection

from common import redis
from common.access.models import ApiKey
from common.access.operations import revoke_key
from common.access.scopes import ALL_SCOPES
from common.access.verification import REMEMBERED_SECONDS
from products import cache, operations
from products.api import representation
from products.api.cached import ROUTE
from products.models import Product
from tests.api_client import JSON, JSON_API, ApiClient
from tests.factories import CategoryFactory, ProductFactory, StockLevelFactory
from tests.racing import race
from tests.waiting import wait_until

PRODUCTS = "/api/v1/products"
OF_EACH_REQUEST = {"X-Request-ID", "RateLimit"}


def is_hit(answer):
    return getattr(answer.wsgi_request, "cache_status", None) == "hit"


def name_in(answer):
    assert answer.status_code == 200, answer.content
    return answer.json()["data"]["attributes"]["name"]


def headers_of(answer):
    return {name: value for name, value in answer.items() if name not in OF_EACH_REQUEST}


def wait_for_recovery():
    for thread in threading.enumerate():
        if thread.name == redis.RECOVERY_THREAD:
            thread.join(timeout=10)


@pytest.fixture
def product(db):
    return ProductFactory(name="Mug", category=CategoryFactory())


@pytest.fixture
def path(product):
    return f"{PRODUCTS}/{product.pk}"


@pytest.fixture
def stored(product, transactional_db):
    """A product that every connection sees."""
    return ProductFactory(name="Mug")


@pytest.fixture
def keys_are_looked_up_as_always(monkeypatch):
    """Other tests remember them for longer, so that they can count queries."""
    monkeypatch.setattr("common.access.verification.REMEMBERED_SECONDS", REMEMBERED_SECONDS)


# The same answer


def test_the_second_time_a_product_comes_from_the_cache(client, path, django_assert_num_queries):
    assert not is_hit(client.get(path))
    with django_assert_num_queries(0):
        answer = client.get(path)
    assert is_hit(answer)
    assert name_in(answer) == "Mug"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Accept": JSON},
        {"Accept": JSON_API},
        {"Accept": f"{JSON}, */*;q=0.1"},
        {"If-None-Match": '"1"'},
        {"If-None-Match": '"7"'},
        {"If-None-Match": "*"},
        {"Origin": "https://shop.example"},
        {"Content-Type": "text/plain"},
        {"Cache-Control": "no-cache"},
        {"X-Forwarded-Host": "evil.example"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_from_the_cache_and_from_the_row_it_is_the_same_answer(
    client, path, monkeypatch, method, headers, slash
):
    client.get(path)
    cached = client.generic(method, path + slash, headers=headers)
    monkeypatch.setattr("products.api.cached._answer", lambda _request: None)
    monkeypatch.setattr(cache, "get", lambda _product_id: None)
    monkeypatch.setattr(cache, "take_lease", lambda _product_id: None)
    from_row = client.generic(method, path + slash, headers=headers)
    assert (is_hit(cached), is_hit(from_row)) == (True, False)
    assert cached.status_code == from_row.status_code
    assert cached.content == from_row.content
    assert headers_of(cached) == headers_of(from_row)


def test_an_entry_that_the_ordinary_way_finds_is_the_same_too(client, path, monkeypatch):
    first = client.get(path)
    monkeypatch.setattr("products.api.cached._answer", lambda _request: None)
    answer = client.get(path)
    assert is_hit(answer)
    assert (answer.content, headers_of(answer)) == (first.content, headers_of(first))


def test_it_is_the_document_that_serializers_give(client, path):
    document = client.get(f"{path}?include=").json()
    del document["included"]
    document["links"]["self"] = document["links"]["self"].partition("?")[0]
    assert client.get(path).json() == client.get(path).json() == document


def test_the_address_of_a_hit_is_logged_like_that_of_a_miss(client, path):
    from common.observability.middleware import readable_route

    missed, hit = client.get(path), client.get(path)
    assert readable_route(missed.wsgi_request.resolver_match.route) == ROUTE
    assert hit.wsgi_request.route == ROUTE
    assert hit.wsgi_request.client_name == missed.wsgi_request.client_name == "tester"


def test_links_speak_of_the_host_that_was_asked(client, path):
    client.get(path)
    with override_settings(ALLOWED_HOSTS=["*"]):
        answer = client.get(path, HTTP_HOST="shop.example")
    assert is_hit(answer)
    assert b"testserver" not in answer.content
    assert answer.json()["links"]["self"] == f"http://shop.example{path}"


# The same refusals


@pytest.mark.parametrize(
    ("headers", "query", "status"),
    [
        ({"X-API-Key": "nonsense"}, "", 401),
        ({"Accept": "image/png"}, "", 406),
        ({"Content-Type": f"{JSON_API};version=2"}, "", 415),
        ({"Content-Encoding": "gzip"}, "", 415),
        ({}, "?bogus=1", 400),
        ({"Host": "evil.example"}, "", 400),
    ],
)
def test_what_is_refused_is_refused_with_an_entry_in_the_cache_too(
    client, path, headers, query, status
):
    client.get(path)
    if "Host" in headers:
        answer = client.get(path, HTTP_HOST=headers["Host"])
    else:
        answer = client.get(path + query, headers=headers)
    assert answer.status_code == status
    assert answer.json()["errors"]


def test_a_key_without_the_scope_gets_nothing_from_the_cache(client, api_client, path):
    client.get(path)
    answer = api_client("inventory:read").get(path)
    assert answer.status_code == 403
    assert "products:read" in answer.json()["errors"][0]["detail"]


@pytest.mark.usefixtures("keys_are_looked_up_as_always")
@pytest.mark.django_db(transaction=True)
def test_a_revoked_key_gets_nothing_from_the_cache_after_a_second(client):
    path = f"{PRODUCTS}/{ProductFactory().pk}"
    client.get(path)
    assert is_hit(client.get(path))
    revoke_key(name="tester")
    began = time.monotonic()
    wait_until(lambda: client.get(path).status_code == 401, timeout=5)
    assert time.monotonic() - began < 1


@pytest.mark.usefixtures("keys_are_looked_up_as_always")
def test_an_expired_key_gets_nothing_from_the_cache(client, path):
    client.get(path)
    ApiKey.objects.filter(name="tester").update(expires_at="2026-01-01T00:00Z")
    wait_until(lambda: client.get(path).status_code == 401, timeout=5)


def test_every_request_is_counted_once_whichever_way_it_goes(api_client, path):
    client = api_client(*ALL_SCOPES, quota=10)
    ways = [
        client.get(path),  # from the row
        client.get(path),  # from the cache
        client.get(f"{path}?include="),
        client.get(path, headers={"Accept": "text/html"}),
        client.get(path, headers={"If-None-Match": '"1"'}),
        client.head(path),
        client.get(path, headers={"Accept": "image/png"}),
        client.get(f"{PRODUCTS}/01a1fd94-0000-7000-8000-000000000000"),
    ]
    left = [int(answer["RateLimit"].split("r=")[1].split(";")[0]) for answer in ways]
    assert left == [9, 8, 7, 6, 5, 4, 3, 2]
    statuses = [client.get(path).status_code for _ in range(4)]
    assert statuses == [200, 200, 429, 429]


# What is cached, and for how long


@pytest.mark.parametrize("query", ["?include=category", "?fields[products]=name", "?include="])
def test_only_the_default_representation_is_cached(client, path, query):
    for _ in range(2):
        assert not is_hit(client.get(path + query))
    assert not is_hit(client.get(path))


def test_a_page_is_not_taken_from_the_cache(client, path):
    client.get(path)
    answer = client.get(path, headers={"Accept": "text/html"})
    assert not is_hit(answer)
    assert answer["Content-Type"].startswith("text/html")


def test_an_entry_lives_as_long_as_the_setting_says(client, path, product, settings):
    settings.PRODUCT_CACHE_SECONDS = 120
    client.get(path)
    lifetime = get_redis_connection("default").ttl(cache.key(product.pk))
    assert 110 < lifetime <= 120


def test_an_entry_lives_for_five_minutes_unless_set_otherwise(settings):
    assert settings.PRODUCT_CACHE_SECONDS == 300


def test_nothing_is_cached_with_a_lifetime_of_zero(client, path, settings):
    settings.PRODUCT_CACHE_SECONDS = 0
    for _ in range(3):
        answer = client.get(path)
        assert (name_in(answer), is_hit(answer)) == ("Mug", False)


def test_what_does_not_exist_is_not_cached(client):
    path = f"{PRODUCTS}/01a1fd94-0000-7000-8000-000000000000"
    for _ in range(2):
        assert client.get(path).status_code == 404


@pytest.mark.usefixtures("commits_at_once")
def test_a_product_stays_cached_while_only_its_stock_changes(client):
    level = StockLevelFactory(on_hand=5)
    path = f"{PRODUCTS}/{level.product_id}"
    client.get(path)
    client.patch(f"/api/v1/inventory/{level.product_id}", {"quantity_delta": -1}, JSON)
    assert is_hit(client.get(path))


# Never a stale one


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("way", ["attributes", "relationship", "operation"])
def test_a_change_is_seen_at_once(client, stored, way):
    path = f"{PRODUCTS}/{stored.pk}"
    category = CategoryFactory()
    linkage = {"data": {"type": "categories", "id": str(category.pk)}}
    client.get(path)
    assert is_hit(client.get(path))
    if way == "attributes":
        client.patch(path, {"name": "Cup"}, JSON)
    elif way == "relationship":
        client.patch(f"{path}/relationships/category", linkage)
    else:
        operations.change_product(product_id=stored.pk, changes={"name": "Cup"})
    answer = client.get(path)
    assert not is_hit(answer)
    assert answer["ETag"] == '"2"'
    document = answer.json()["data"]
    if way == "relationship":
        assert document["relationships"]["category"]["data"] == linkage["data"]
    else:
        assert document["attributes"]["name"] == "Cup"


@pytest.mark.django_db(transaction=True)
def test_a_deleted_product_is_gone_at_once(client, stored):
    path = f"{PRODUCTS}/{stored.pk}"
    client.get(path)
    client.delete(path)
    assert client.get(path).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_a_change_that_was_undone_leaves_the_entry(client, stored):
    from django.db import transaction

    path = f"{PRODUCTS}/{stored.pk}"
    client.get(path)
    with transaction.atomic():
        operations.change_product(product_id=stored.pk, changes={"name": "Cup"})
        transaction.set_rollback(True)
    answer = client.get(path)
    assert (is_hit(answer), name_in(answer)) == (True, "Mug")


def read_slowly(monkeypatch):
    """Readers from now on read the row, and wait before they keep what they have made of it."""
    has_read, may_keep = Event(), Event()
    render = representation.rendered

    def rendered(product):
        entry = render(product)
        has_read.set()
        assert may_keep.wait(10)
        return entry

    monkeypatch.setattr(representation, "rendered", rendered)
    return has_read, may_keep


def change_while_somebody_reads(client, product, monkeypatch):
    """A reader reads the row, the row is changed, then the reader keeps what it has read."""
    path = f"{PRODUCTS}/{product.pk}"
    has_read, may_keep = read_slowly(monkeypatch)

    def read_or_change(number):
        if number == 0:
            return ApiClient(client.key).get(path)
        assert has_read.wait(10)
        answer = ApiClient(client.key).patch(path, {"name": "Cup"}, JSON)
        may_keep.set()
        return answer

    read, changed = race(read_or_change, workers=2)
    assert (name_in(read), name_in(changed)) == ("Mug", "Cup")
    monkeypatch.undo()
    return client.get(path)


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_a_slow_reader_does_not_put_back_what_was_changed_meanwhile(client, stored, monkeypatch):
    assert name_in(change_while_somebody_reads(client, stored, monkeypatch)) == "Cup"


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_without_the_lease_a_slow_reader_puts_it_back(client, stored, monkeypatch):
    """Negative control: if this fails, the test above proves nothing."""
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(cache, "KEEP", "return redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])")
        assert name_in(change_while_somebody_reads(client, stored, monkeypatch)) == "Mug"


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_readers_never_go_back_in_time_while_a_product_changes(client, stored):
    """A reader that asks after a change was answered sees that change or a later one."""
    path = f"{PRODUCTS}/{stored.pk}"
    answered, is_over = [1], Event()

    def read():
        reader = ApiClient(client.key)
        while not is_over.is_set():
            floor = answered[0]
            seen = reader.get(path).json()["data"]["attributes"]["version"]
            if seen < floor:
                return f"saw {seen} after {floor}"
        return "never"

    def write():
        writer = ApiClient(client.key)
        try:
            for number in range(40):
                changed = writer.patch(path, {"name": f"Mug {number}"}, JSON)
                answered[0] = changed.json()["data"]["attributes"]["version"]
        finally:
            is_over.set()
        return "never"

    assert race(lambda n: read() if n else write(), workers=4) == ["never"] * 4
    assert answered[0] == 41


# One reader for many


def rows_read_by_eight(client, product, monkeypatch):
    path = f"{PRODUCTS}/{product.pk}"
    reads = []
    find = representation._entry_of_row

    def counted(product_id):
        reads.append(product_id)
        Event().wait(0.05)  # long enough for the others to arrive
        return find(product_id)

    monkeypatch.setattr(cache, "LONGEST_WAIT", 10)
    monkeypatch.setattr(representation, "_entry_of_row", counted)
    answers = race(lambda _: ApiClient(client.key).get(path), workers=8)
    assert len({answer.content for answer in answers}) == 1
    assert name_in(answers[0]) == "Mug"
    return len(reads)


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_eight_who_miss_at_once_read_the_row_once(client, stored, monkeypatch):
    assert rows_read_by_eight(client, stored, monkeypatch) == 1
    assert not cache._fills


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_without_waiting_for_each_other_they_all_read_it(client, stored, monkeypatch):
    """Negative control: if this fails, the test above proves nothing."""
    monkeypatch.setattr(cache, "one_at_a_time", lambda _product_id: nullcontext())
    assert rows_read_by_eight(client, stored, monkeypatch) > 1


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_nobody_waits_long_for_a_reader_that_is_stuck(client, stored, monkeypatch):
    """As it is while the database does not answer: nobody may wait for one after the other."""
    path = f"{PRODUCTS}/{stored.pk}"
    everybody_reads = Barrier(4, timeout=10)
    find = representation._entry_of_row

    def stuck(product_id):
        everybody_reads.wait()
        return find(product_id)

    monkeypatch.setattr(cache, "LONGEST_WAIT", 0.05)
    monkeypatch.setattr(representation, "_entry_of_row", stuck)
    answers = race(lambda _: ApiClient(client.key).get(path), workers=4)
    assert {answer.status_code for answer in answers} == {200}


# Without Redis


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
    assert time.monotonic() - began < 2
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
def test_a_frozen_redis_slows_down_one_request_and_not_all(client, stored, own_redis):
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
    assert sum(wait > 2 * redis.LONGEST_SECONDS for wait in waits) <= 1
    assert Product.objects.count() >= 1
