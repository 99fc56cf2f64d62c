"""A request that breaks several rules is refused for the first of them (API.md §3).

Each row breaks two neighbours in the order of checks; the earlier one must win. Together they
prove the whole chain.
"""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.api_client import JSON, JSON_API, ApiClient
from tests.factories import ProductFactory

PRODUCTS = "/api/v1/products"
MUG = b'{"name": "Mug", "description": "Red", "price": 4}'
UNREADABLE = {"Content-Type": f"{JSON_API};version=2"}
UNKNOWN_ID = str(uuid4())


def patch_document(product_id, **members):
    return {"data": {"type": "products", "id": str(product_id), **members}}


def first_error(answer):
    error = answer.json()["errors"][0]
    return int(error["status"]), error["code"]


@pytest.fixture
def product(db):
    return ProductFactory()


@pytest.mark.django_db
def test_an_unknown_address_comes_before_a_method():
    assert ApiClient("bogus").put("/api/v1/nowhere").status_code == 404


@pytest.mark.django_db
def test_a_method_comes_before_a_key():
    assert ApiClient("bogus").put(PRODUCTS).status_code == 405


@pytest.mark.django_db
def test_a_key_comes_before_its_scope_and_everything_after_it():
    answer = ApiClient("bogus").generic("POST", PRODUCTS, b"{", "text/plain")
    assert first_error(answer) == (401, "not_authenticated")


def test_a_scope_comes_before_the_quota(api_client):
    client = api_client("products:read", quota=1)
    client.get(PRODUCTS)
    assert first_error(client.post(PRODUCTS, MUG, JSON)) == (403, "permission_denied")


def test_the_quota_comes_before_the_form_of_the_answer(api_client):
    client = api_client("products:read", quota=1)
    client.get(PRODUCTS)
    answer = client.get(PRODUCTS, headers={"Accept": "image/png"})
    assert first_error(answer) == (429, "throttled")


def test_the_form_of_the_answer_comes_before_that_of_the_body(client):
    headers = {"Accept": "image/png"}
    answer = client.generic("POST", PRODUCTS, MUG, "text/plain", headers=headers)
    assert first_error(answer) == (406, "not_acceptable")


@pytest.mark.parametrize(
    ("body", "content_type", "refused"),
    [(MUG, "text/plain", 415), (b" " * (2**20 + 1), JSON, 413)],
)
def test_the_form_of_the_body_comes_before_parameters(client, body, content_type, refused):
    answer = client.generic("POST", f"{PRODUCTS}?bogus=1", body, content_type)
    assert first_error(answer)[0] == refused


def test_parameters_and_the_body_come_before_a_replay(client):
    headers = {"Idempotency-Key": "k"}
    assert client.post(PRODUCTS, MUG, JSON, headers=headers).status_code == 201
    for query, body in (("?bogus=1", MUG), ("", b"{")):
        assert first_error(client.post(PRODUCTS + query, body, JSON, headers=headers))[0] == 400
    answer = client.post(PRODUCTS, MUG, "text/plain", headers=headers)
    assert first_error(answer)[0] == 415
    answer = client.post(PRODUCTS, MUG, JSON, headers=headers | {"Accept": "image/png"})
    assert first_error(answer)[0] == 406


def test_a_malformed_key_of_a_request_comes_before_the_row(client):
    headers = {"Idempotency-Key": "a,b"}
    answer = client.patch(f"{PRODUCTS}/{UNKNOWN_ID}", {"name": "Cup"}, JSON, headers=headers)
    assert first_error(answer) == (400, "invalid_parameter")


def test_a_malformed_body_comes_before_the_row(client):
    path = f"{PRODUCTS}/{UNKNOWN_ID}"
    for body in (b"{", b"", b"[]"):
        assert first_error(client.patch(path, body, JSON)) == (400, "malformed")
    assert first_error(client.patch(path, {"data": {"type": "products"}})) == (400, "malformed")
    assert first_error(client.get(f"{path}?bogus=1")) == (400, "unknown_parameter")


def test_a_replay_comes_before_the_row_and_its_version(client, product):
    path = f"{PRODUCTS}/{product.pk}"
    headers = {"Idempotency-Key": "k", "If-Match": '"1"'}
    first = client.patch(path, {"name": "Cup"}, JSON, headers=headers)
    assert first.status_code == 200
    again = client.patch(path, {"name": "Cup"}, JSON, headers=headers)
    assert (again.status_code, again.content) == (200, first.content)
    assert again["Idempotent-Replayed"] == "true"
    client.delete(path)
    again = client.patch(path, {"name": "Cup"}, JSON, headers=headers)
    assert (again.status_code, again.content) == (200, first.content)


def test_the_row_comes_before_its_version(client):
    answer = client.patch(
        f"{PRODUCTS}/{UNKNOWN_ID}", {"name": ""}, JSON, headers={"If-Match": '"7"'}
    )
    assert first_error(answer) == (404, "not_found")


def test_the_version_comes_before_what_may_not_be_written(client, product):
    linked = {"inventory": {"data": {"type": "inventory", "id": UNKNOWN_ID}}}
    body = patch_document(product.pk, relationships=linked, attributes={"name": ""})
    path = f"{PRODUCTS}/{product.pk}"
    answer = client.patch(path, body, headers={"If-Match": '"7"'})
    assert first_error(answer) == (412, "precondition_failed")
    assert first_error(client.patch(path, body)) == (403, "read_only")


def test_what_may_not_be_written_comes_before_conflicts_and_the_input(client, product):
    linked = {"inventory": {"data": {"type": "inventory", "id": UNKNOWN_ID}}}
    body = patch_document(UNKNOWN_ID, relationships=linked, attributes={"name": ""})
    assert first_error(client.patch(f"{PRODUCTS}/{product.pk}", body)) == (403, "read_only")
    body = {"data": {"type": "bogus", "id": UNKNOWN_ID, "attributes": {"name": ""}}}
    assert first_error(client.post(PRODUCTS, body)) == (403, "client_id_not_supported")


def test_the_version_comes_before_conflicts_and_the_input(client, product):
    path = f"{PRODUCTS}/{product.pk}"
    headers = {"If-Match": '"7"'}
    for body in (
        patch_document(UNKNOWN_ID),
        patch_document(product.pk, attributes={"name": ""}),
        patch_document(product.pk, attributes={"bogus": 1}),
    ):
        assert first_error(client.patch(path, body, headers=headers))[0] == 412


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_on_relationships_the_row_comes_before_what_may_not_be_written(client, product, method):
    body = b'{"data": []}'
    for owner, expected in ((UNKNOWN_ID, 404), (product.pk, 403)):
        path = f"{PRODUCTS}/{owner}/relationships/category"
        assert first_error(client.generic(method, path, body, JSON_API))[0] == expected
