"""Refusals: every one a JSON:API document that says what, where and what to do (API.md §5)."""

from __future__ import annotations

import pytest
from django.db import InterfaceError, OperationalError

from common.access.scopes import ALL_SCOPES
from products import operations
from tests.api_client import JSON, JSON_API, ApiClient
from tests.common.api.refusals import only_error
from tests.factories import ProductFactory

PRODUCTS = "/api/v1/products"
NOBODY = "00000000-0000-7000-8000-000000000000"  # the id of nothing
MUG = {"name": "Mug", "description": "Red", "price": "4.00"}


def document(**members):
    return {"data": {"type": "products", **members}}


# Addresses and methods


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/nowhere",
        "/api",
        "/api/v1",
        "/api/v1/",
        "/api/v2/products",
        "/api/v1/nowhere",
        "/api/v1/products/bogus",
        "/api/v1/products/1",
        f"/api/v1/products/{NOBODY}/nowhere",
        f"/api/v1/products/{NOBODY}/relationships/nowhere",
        f"/api/v1/products/{NOBODY}/relationships",
        "/api/v1/products//",
        "/api/v1/products/%0A",
        "/api/v1/products%0A",
        "/api/v1/products/%ff",
        "/api/v1/products/%00",
        "/api/v1/Products",
        "/api/v1/" + "x" * 8_000,
    ],
)
def test_an_unknown_address_is_not_found(client, path):
    error = only_error(client.get(path))
    assert (error["status"], error["code"], error["title"]) == ("404", "not_found", "Not Found")
    assert "source" not in error


@pytest.mark.parametrize("path", [f"{PRODUCTS}/{NOBODY}", f"{PRODUCTS}/{NOBODY}/category"])
def test_an_unknown_row_is_not_found(client, path):
    assert only_error(client.get(path))["code"] == "not_found"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", PRODUCTS, {"GET", "HEAD", "POST"}),
        ("PATCH", PRODUCTS, {"GET", "HEAD", "POST"}),
        ("DELETE", PRODUCTS, {"GET", "HEAD", "POST"}),
        ("OPTIONS", PRODUCTS, {"GET", "HEAD", "POST"}),
        ("TRACE", PRODUCTS, {"GET", "HEAD", "POST"}),
        ("BREW", PRODUCTS, {"GET", "HEAD", "POST"}),
        ("DISPATCH", PRODUCTS, {"GET", "HEAD", "POST"}),
        ("INITIAL", PRODUCTS, {"GET", "HEAD", "POST"}),
        ("PUT", f"{PRODUCTS}/{NOBODY}", {"GET", "HEAD", "PATCH", "DELETE"}),
        ("POST", f"{PRODUCTS}/{NOBODY}", {"GET", "HEAD", "PATCH", "DELETE"}),
        ("POST", f"{PRODUCTS}/{NOBODY}/category", {"GET", "HEAD"}),
        (
            "PUT",
            f"{PRODUCTS}/{NOBODY}/relationships/category",
            {"GET", "HEAD", "POST", "PATCH", "DELETE"},
        ),
        ("POST", "/api/v1/stock-movements", {"GET", "HEAD"}),
    ],
)
def test_a_method_that_the_address_does_not_have(client, method, path, allowed):
    answer = client.generic(method, path)
    assert answer.status_code == 405
    assert set(answer["Allow"].split(", ")) == allowed
    error = only_error(answer)
    assert (error["code"], error["title"]) == ("method_not_allowed", "Method Not Allowed")


def test_a_method_cannot_be_overridden(client):
    product = ProductFactory()
    headers = {"X-HTTP-Method-Override": "DELETE", "X-HTTP-Method": "DELETE"}
    answer = client.post(f"{PRODUCTS}/{product.pk}?_method=DELETE", headers=headers)
    assert answer.status_code == 405
    assert client.get(f"{PRODUCTS}/{product.pk}").status_code == 200


# Keys and quotas


@pytest.mark.parametrize("key", [None, "", "nonsense", "sk_live_x", "\u00e9" * 20, "a" * 5_000])
@pytest.mark.parametrize("path", [PRODUCTS, f"{PRODUCTS}/{NOBODY}"])
@pytest.mark.django_db
def test_whoever_sends_no_valid_key_gets_one_and_the_same_answer(key, path):
    stranger = ApiClient(key) if key is not None else ApiClient("")
    if key is None:
        del stranger.defaults["HTTP_X_API_KEY"]
    answer = stranger.get(path)
    assert answer["WWW-Authenticate"] == 'ApiKey realm="api"'
    error = only_error(answer)
    assert (error["status"], error["code"]) == ("401", "not_authenticated")
    assert error["detail"] == "Send a valid API key in the X-API-Key header."


def test_a_missing_scope_is_named(api_client):
    reader = api_client("products:read")
    error = only_error(reader.post(PRODUCTS, document(attributes=MUG)))
    assert (error["status"], error["code"]) == ("403", "permission_denied")
    assert "products:write" in error["detail"]
    error = only_error(api_client("inventory:read").get(PRODUCTS))
    assert "products:read" in error["detail"]


def test_past_the_quota_the_answer_says_when_to_come_back(api_client):
    client = api_client("products:read", quota=2)
    assert [client.get(PRODUCTS).status_code for _ in range(2)] == [200, 200]
    answer = client.get(PRODUCTS)
    error = only_error(answer)
    assert (error["status"], error["code"]) == ("429", "throttled")
    assert 1 <= int(answer["Retry-After"]) <= 60
    assert answer["RateLimit-Policy"] == '"default";q=2;w=60'
    assert answer["RateLimit"].startswith('"default";r=0;t=')


def test_every_answer_to_a_limited_key_says_what_is_left(api_client):
    client = api_client(*ALL_SCOPES, quota=100)
    product = ProductFactory()
    answers = [
        client.get(PRODUCTS),
        client.get(f"{PRODUCTS}?bogus=1"),
        client.get(f"{PRODUCTS}/{NOBODY}"),
        client.post(PRODUCTS, document(attributes=MUG)),
        client.post(PRODUCTS, {}),
        client.patch(f"{PRODUCTS}/{product.pk}", {}),
        client.delete(f"{PRODUCTS}/{product.pk}"),
    ]
    left = [int(answer["RateLimit"].split("r=")[1].split(";")[0]) for answer in answers]
    assert left == [99, 98, 97, 96, 95, 94, 93]


# Hosts and proxies


@pytest.mark.parametrize("host", ["evil.example", "localhost:bogus", "a b", "[::1", ""])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_host_that_is_not_ours_is_refused_before_anything_happens(client, method, host):
    product = ProductFactory()
    path = PRODUCTS if method == "POST" else f"{PRODUCTS}/{product.pk}"
    body = {"data": b'{"name": "Mug", "description": "Red", "price": 4}', "content_type": JSON}
    for warm in range(2):  # the second time from the cache, if it were served
        extra = body if method == "POST" else {}
        answer = client.generic(method, path, HTTP_HOST=host, **extra)
        assert answer.status_code == 400, warm
        assert only_error(answer)["code"] == "malformed"
    assert client.get(PRODUCTS).json()["meta"]["page"]["total"] == 1


def test_an_absurdly_long_host_is_refused(client, settings):
    settings.ALLOWED_HOSTS = [".localhost"]
    answer = client.get(PRODUCTS, HTTP_HOST="a" * 2_000 + ".localhost")
    assert only_error(answer)["status"] == "400"
    answer = client.get(PRODUCTS, HTTP_HOST="a" * 200 + ".localhost")
    assert answer.status_code == 200


def test_a_forwarded_host_is_not_believed(client):
    answer = client.get(PRODUCTS, headers={"X-Forwarded-Host": "evil.example"})
    assert "evil" not in answer.content.decode()


# Our own failures


@pytest.mark.parametrize("accept", [JSON_API, JSON, "text/html"])
def test_a_bug_is_told_without_html_and_without_details(client, monkeypatch, accept):
    def broken(**_):
        raise RuntimeError("secret")

    monkeypatch.setattr(operations, "create_product", broken)
    client.raise_request_exception = False
    answer = client.post(PRODUCTS, document(attributes=MUG), headers={"Accept": accept})
    assert answer.status_code == 500
    assert answer["Content-Type"] == (JSON if accept == JSON else JSON_API)
    (error,) = answer.json()["errors"]
    assert (error["code"], error["title"]) == ("server_error", "Internal Server Error")
    assert error["id"] == answer["X-Request-ID"]
    assert "secret" not in answer.content.decode()


@pytest.mark.parametrize("failure", [OperationalError, InterfaceError])
def test_a_database_that_is_away_is_a_reason_to_come_back(client, monkeypatch, failure):
    def broken(**_):
        raise failure("away")

    monkeypatch.setattr(operations, "create_product", broken)
    answer = client.post(PRODUCTS, document(attributes=MUG))
    error = only_error(answer)
    assert (error["status"], error["code"]) == ("503", "service_unavailable")
    assert answer["Retry-After"] == "1"


def test_a_database_that_is_away_when_the_key_is_looked_up(client, monkeypatch):
    def broken(_digest):
        raise OperationalError("away")

    monkeypatch.setattr("common.access.verification._look_up", broken)
    for path in (PRODUCTS, f"{PRODUCTS}/{NOBODY}"):
        answer = client.get(path)
        assert only_error(answer)["status"] == "503"
        assert answer["Retry-After"] == "1"
