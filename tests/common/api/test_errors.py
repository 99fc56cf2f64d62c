"""Refusals: every one a JSON:API document that says what, where and what to do (API.md §5)."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import InterfaceError, OperationalError

from common.access.scopes import ALL_SCOPES
from products import operations
from tests.api_client import JSON, JSON_API, ApiClient
from tests.common.api.test_documents import at
from tests.factories import CategoryFactory, ProductFactory

PRODUCTS = "/api/v1/products"
NOBODY = "00000000-0000-7000-8000-000000000000"  # the id of nothing
MUG = {"name": "Mug", "description": "Red", "price": "4.00"}


def document(**members):
    return {"data": {"type": "products", **members}}


def errors(answer):
    found = answer.json()["errors"]
    assert found
    for error in found:
        assert error["status"] == str(answer.status_code)
        assert error["title"]
        assert error["detail"]
        assert error["code"].replace("_", "").islower()
        assert error["id"] == answer["X-Request-ID"]
        assert set(error) <= {"id", "status", "code", "title", "detail", "source", "meta"}
    assert answer.json().keys() == {"jsonapi", "errors"}
    assert answer["Content-Type"] == JSON_API
    return found


def only_error(answer):
    (error,) = errors(answer)
    return error


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


# Bodies


@pytest.mark.parametrize("body", [b"", b"   ", b"{", b"\xff", b'{"data": NaN}'])
@pytest.mark.parametrize("content_type", [JSON, JSON_API])
def test_a_body_that_is_no_json_is_malformed(client, content_type, body):
    error = only_error(client.generic("POST", PRODUCTS, body, content_type))
    assert (error["status"], error["code"]) == ("400", "malformed")
    assert "source" not in error


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_missing_body_is_malformed_whatever_its_type_would_be(client, method):
    path = PRODUCTS if method == "POST" else f"{PRODUCTS}/{ProductFactory().pk}"
    for content_type in (JSON_API, JSON, "text/plain", ""):
        headers = {"Content-Type": content_type} if content_type else {}
        error = only_error(client.generic(method, path, headers=headers))
        assert (error["status"], error["code"]) == ("400", "malformed")


def test_a_length_that_is_no_number_is_malformed(client):
    answer = client.generic("POST", PRODUCTS, b"{}", JSON, CONTENT_LENGTH="abc")
    assert only_error(answer)["source"] == {"header": "Content-Length"}


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        (MUG | {"price": "x"}, [("invalid", "/price")]),
        (MUG | {"price": 0}, [("min_value", "/price")]),
        (MUG | {"price": None}, [("null", "/price")]),
        (MUG | {"name": " \t"}, [("blank", "/name")]),
        (MUG | {"name": "x" * 256}, [("max_length", "/name")]),
        (MUG | {"name": 5, "price": "x"}, [("invalid", "/name"), ("invalid", "/price")]),
        (MUG | {"images": "x"}, [("not_a_list", "/images")]),
        (
            MUG | {"images": ["https://example.com/a.jpg", "ftp://x", 5]},
            [("invalid", "/images/1"), ("invalid", "/images/2")],
        ),
        (MUG | {"colour": "red"}, [("unknown_attribute", "/colour")]),
        (MUG | {"a/b~": 1}, [("unknown_attribute", "/a~1b~0")]),
        (
            MUG | {"colour": "red", "size": 1, "name": ""},
            [("unknown_attribute", "/colour"), ("unknown_attribute", "/size"), ("blank", "/name")],
        ),
        ({"price": 4}, [("required", ""), ("required", "")]),
        ({}, [("required", "")] * 3),
    ],
)
@pytest.mark.parametrize("form", ["document", "plain"])
def test_every_problem_of_the_input_is_told_and_pointed_at(client, attributes, expected, form):
    start = "/data/attributes" if form == "document" else ""
    body = document(attributes=attributes) if form == "document" else attributes
    answer = client.post(PRODUCTS, body, content_type=JSON_API if form == "document" else JSON)
    assert answer.status_code == 422
    found = errors(answer)
    assert sorted((one["code"], one["source"]["pointer"]) for one in found) == sorted(
        (code, start + pointer) for code, pointer in expected
    )
    for one in found:
        at(body, one["source"]["pointer"])


def test_what_is_required_and_missing_is_named(client):
    found = errors(client.post(PRODUCTS, document()))
    assert {one["meta"]["attribute"] for one in found} == {"name", "description", "price"}
    assert {one["source"]["pointer"] for one in found} == {"/data"}


@pytest.mark.parametrize("linked", ["unknown id", "no uuid"])
@pytest.mark.parametrize("form", ["relationship", "attribute", "plain", "plain alias"])
def test_something_related_that_does_not_exist_is_not_found_and_pointed_at(client, linked, form):
    related = str(uuid4()) if linked == "unknown id" else "bogus"
    identifier = {"data": {"type": "categories", "id": related}}
    bodies = {
        "relationship": document(attributes=MUG, relationships={"category": identifier}),
        "attribute": document(attributes=MUG | {"category_id": related}),
        "plain": MUG | {"category_id": related},
        "plain alias": MUG | {"category": related},
    }
    pointers = {
        "relationship": "/data/relationships/category",
        "attribute": "/data/attributes/category_id",
        "plain": "/category_id",
        "plain alias": "/category",
    }
    answer = client.post(PRODUCTS, bodies[form], JSON if "plain" in form else JSON_API)
    error = only_error(answer)
    assert (error["status"], error["code"]) == ("404", "not_found")
    assert error["source"]["pointer"].startswith(pointers[form])
    at(bodies[form], error["source"]["pointer"])


@pytest.mark.parametrize(
    ("body", "status", "code", "pointer"),
    [
        (document(id=str(uuid4()), attributes=MUG), 403, "client_id_not_supported", "/data/id"),
        (
            document(
                attributes=MUG,
                relationships={"inventory": {"data": {"type": "inventory", "id": str(uuid4())}}},
            ),
            403,
            "read_only",
            "/data/relationships/inventory",
        ),
        ({"data": {"type": "product", "attributes": MUG}}, 409, "type_conflict", "/data/type"),
        (
            document(
                attributes=MUG,
                relationships={"category": {"data": {"type": "products", "id": str(uuid4())}}},
            ),
            409,
            "type_conflict",
            "/data/relationships/category/data/type",
        ),
        (
            document(attributes=MUG, relationships={"category": {"data": []}}),
            400,
            "malformed",
            "/data/relationships/category/data",
        ),
        (
            document(attributes=MUG, relationships={"bogus": {"data": None}}),
            422,
            "unknown_attribute",
            "/data/relationships/bogus",
        ),
        (
            document(attributes=MUG, relationships={"name": {"data": None}}),
            400,
            "malformed",
            "/data/relationships/name",
        ),
        (
            document(attributes=MUG, relationships={"category_id": {"data": None}}),
            422,
            "unknown_attribute",
            "/data/relationships/category_id",
        ),
        (
            document(attributes=MUG, relationships={"a~/b": {"data": None}}),
            422,
            "unknown_attribute",
            "/data/relationships/a~0~1b",
        ),
        (document(attributes=MUG | {"id": "1"}), 400, "malformed", "/data/attributes/id"),
        (document(attributes=MUG | {"type": "x"}), 400, "malformed", "/data/attributes/type"),
    ],
)
def test_a_document_that_cannot_create_a_product_is_pointed_at(client, body, status, code, pointer):
    error = only_error(client.post(PRODUCTS, body))
    assert (error["status"], error["code"]) == (str(status), code)
    assert error["source"] == {"pointer": pointer}
    at(body, pointer)


def test_a_category_named_twice_is_malformed(client):
    category = str(CategoryFactory().pk)
    body = document(
        attributes=MUG | {"category_id": category},
        relationships={"category": {"data": {"type": "categories", "id": category}}},
    )
    error = only_error(client.post(PRODUCTS, body))
    assert (error["status"], error["code"]) == ("400", "malformed")
    error = only_error(
        client.post(PRODUCTS, MUG | {"category_id": category, "category": category}, JSON)
    )
    assert (error["status"], error["code"]) == ("400", "malformed")


@pytest.mark.parametrize(
    ("members", "status", "code", "pointer"),
    [
        ({"id": str(uuid4())}, 409, "id_conflict", "/data/id"),
        ({"id": ""}, 409, "id_conflict", "/data/id"),
        ({}, 400, "malformed", "/data"),
        ({"type": "categories"}, 409, "type_conflict", "/data/type"),
    ],
)
def test_an_update_of_something_else_is_a_conflict(client, members, status, code, pointer):
    product = ProductFactory()
    body = (
        document(**members)
        if "id" in members or not members
        else document(id=str(product.pk), **members)
    )
    error = only_error(client.patch(f"{PRODUCTS}/{product.pk}", body))
    assert (error["status"], error["code"]) == (str(status), code)
    assert error["source"] == {"pointer": pointer}


def test_a_taken_sku_is_a_duplicate(client):
    ProductFactory(sku="MUG")
    body = document(attributes=MUG | {"sku": "mug"})
    error = only_error(client.post(PRODUCTS, body))
    assert (error["status"], error["code"]) == ("409", "duplicate")
    assert error["source"] == {"pointer": "/data/attributes/sku"}


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


# Other origins


@pytest.mark.parametrize("path", [PRODUCTS, "/api/v1/nowhere", f"{PRODUCTS}?bogus=1"])
@pytest.mark.parametrize("key", ["own", "nonsense"])
def test_pages_of_other_origins_may_read_answers_and_refusals(client, path, key):
    headers = {"Origin": "https://shop.example"}
    if key == "nonsense":
        headers["X-API-Key"] = key
    answer = client.get(path, headers=headers)
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer
    exposed = {name.strip() for name in answer["Access-Control-Expose-Headers"].split(",")}
    assert exposed >= {
        "X-Request-ID",
        "ETag",
        "RateLimit",
        "RateLimit-Policy",
        "Idempotent-Replayed",
        "Location",
    }


def test_listed_origins_may_bring_credentials(client, settings):
    settings.CORS_ALLOW_ALL_ORIGINS = False
    settings.CORS_ALLOWED_ORIGINS = ["https://shop.example"]
    settings.CORS_ALLOW_CREDENTIALS = True
    answer = client.get(PRODUCTS, headers={"Origin": "https://shop.example"})
    assert answer["Access-Control-Allow-Origin"] == "https://shop.example"
    assert answer["Access-Control-Allow-Credentials"] == "true"
    assert {"origin", "accept"} <= {name.strip().lower() for name in answer["Vary"].split(",")}
    answer = client.get(PRODUCTS, headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in answer


@pytest.mark.django_db
def test_a_preflight_needs_no_key_and_is_kept_for_an_hour():
    headers = {
        "Origin": "https://shop.example",
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "x-api-key,idempotency-key,if-match,content-type",
    }
    answer = ApiClient("").options(f"{PRODUCTS}/{NOBODY}", headers=headers)
    assert answer.status_code == 200
    assert answer["Access-Control-Max-Age"] == "3600"
    assert "PATCH" in answer["Access-Control-Allow-Methods"]
    allowed = answer["Access-Control-Allow-Headers"]
    for name in ("x-api-key", "idempotency-key", "if-match", "if-none-match", "content-type"):
        assert name in allowed
