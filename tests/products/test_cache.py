"""The cached product: the same answer, the same refusals, sooner (DESIGN.md)."""

from __future__ import annotations

import time

import pytest
from django.test import override_settings
from django_redis import get_redis_connection

from common.access.models import ApiKey
from common.access.operations import revoke_key
from common.access.scopes import ALL_SCOPES
from common.access.verification import REMEMBERED_SECONDS
from products import cache
from products.api.cached import ROUTE
from tests.api_client import JSON, JSON_API
from tests.factories import ProductFactory, StockLevelFactory
from tests.products.caching import (
    PRODUCTS,
    headers_of,
    is_hit,
    name_in,
)
from tests.waiting import wait_until


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
    monkeypatch.setattr("common.api.shortcuts.offered", lambda _request: None)
    monkeypatch.setattr(cache, "get", lambda _product_id: None)
    monkeypatch.setattr(cache, "take_lease", lambda _product_id: None)
    from_row = client.generic(method, path + slash, headers=headers)
    assert (is_hit(cached), is_hit(from_row)) == (True, False)
    assert cached.status_code == from_row.status_code
    assert cached.content == from_row.content
    assert headers_of(cached) == headers_of(from_row)


def test_an_entry_that_the_ordinary_way_finds_is_the_same_too(client, path, monkeypatch):
    first = client.get(path)
    monkeypatch.setattr("common.api.shortcuts.offered", lambda _request: None)
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
@pytest.mark.slow
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
