"""Idempotency-Key: a request is applied once and answered as often as it is sent (RULES §2)."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import User
from django.test import Client

from common.access.models import ApiKey
from common.access.operations import rotate_key
from common.access.scopes import ALL_SCOPES
from common.events.models import Event as Fact
from common.idempotency.models import IdempotencyRecord
from products.models import Product
from tests.api_client import JSON, JSON_API, ApiClient
from tests.common.api.sending_twice import MUG, PRODUCTS, code, is_replay_of, post, send
from tests.factories import (
    CategoryFactory,
    LocationFactory,
    ProductFactory,
    StockLevelFactory,
)

# Every request that writes


def writes():
    """Method, path and body of one good request to every address that writes."""
    level = StockLevelFactory(on_hand=10)
    product, far = level.product, LocationFactory(code="far")
    category = CategoryFactory()
    movement = level.movements.get()
    transfer = {"product_id": str(product.pk), "from_location": "main", "to_location": "far"}
    linkage = {"data": {"type": "categories", "id": str(category.pk)}}
    return {
        "create product": ("POST", "products", MUG),
        "change product": ("PATCH", f"products/{product.pk}", {"name": "Cup"}),
        "change linkage": ("PATCH", f"products/{product.pk}/relationships/category", linkage),
        "create category": ("POST", "categories", {"name": "Mugs"}),
        "change category": ("PATCH", f"categories/{category.pk}", {"name": "Cups"}),
        "open inventory": ("POST", "inventory", {"product_id": str(ProductFactory().pk)}),
        "adjust stock": ("PATCH", f"inventory/{product.pk}", {"quantity_delta": -1}),
        "create location": ("POST", "locations", {"code": "shop", "name": "Shop"}),
        "change location": ("PATCH", f"locations/{far.pk}", {"name": "Very far"}),
        "reorder settings": ("PATCH", f"stock-levels/{level.pk}", {"reorder_point": 3}),
        "transfer": ("POST", "transfers", transfer | {"quantity": 2}),
        "reverse movement": ("POST", f"stock-movements/{movement.pk}/reverse", {}),
    }


@pytest.mark.django_db
@pytest.mark.parametrize(
    "what",
    [
        "create product",
        "change product",
        "change linkage",
        "create category",
        "change category",
        "open inventory",
        "adjust stock",
        "create location",
        "change location",
        "reorder settings",
        "transfer",
        "reverse movement",
    ],
)
def test_every_write_is_applied_once_and_answered_twice(client, what):
    method, path, body = writes()[what]
    kind = JSON_API if "data" in body else JSON
    first = send(client, method, f"/api/v1/{path}", body, content_type=kind)
    assert first.status_code in {200, 201}, first.content
    facts = Fact.objects.count()
    again = send(client, method, f"/api/v1/{path}", body, content_type=kind)
    assert is_replay_of(first, again)
    assert Fact.objects.count() == facts
    assert IdempotencyRecord.objects.count() == 1


def test_a_transfer_is_reversed_once(client):
    method, path, body = writes()["transfer"]
    made = client.generic(method, f"/api/v1/{path}", json.dumps(body), JSON).json()["data"]["id"]
    first = post(client, b"", path=f"/api/v1/transfers/{made}/reverse")
    assert first.status_code == 201
    assert is_replay_of(first, post(client, b"", path=f"/api/v1/transfers/{made}/reverse"))


# What makes two requests the same


def test_a_repetition_has_a_date_and_id_of_its_own(api_client):
    client = api_client(*ALL_SCOPES, quota=50)
    first = send(client, "POST", PRODUCTS, MUG, **{"X-Request-ID": "one"})
    again = send(client, "POST", PRODUCTS, MUG, **{"X-Request-ID": "two"})
    assert is_replay_of(first, again)
    assert (first["X-Request-ID"], again["X-Request-ID"]) == ("one", "two")
    assert first["RateLimit"] != again["RateLimit"]


@pytest.mark.parametrize(
    "changed",
    [
        MUG | {"price": 5},
        MUG | {"price": "4"},
        MUG | {"price": 4.0},
        MUG | {"sku": None},
        {"data": {"type": "products", "attributes": MUG}},
        {},
    ],
)
def test_a_key_that_comes_with_another_body_is_refused(client, changed):
    assert post(client).status_code == 201
    assert code(post(client, changed)) == (422, "idempotency_key_reused")
    assert Product.objects.count() == 1


def test_a_key_that_comes_with_another_query_is_refused(client):
    query = f"{PRODUCTS}?include=category&fields[products]="
    assert post(client, path=f"{query}name").status_code == 201
    answer = post(client, path=f"{query}sku")
    assert code(answer) == (422, "idempotency_key_reused")


def test_the_order_of_members_and_parameters_does_not_matter(client):
    first = post(client, path=f"{PRODUCTS}?include=category&fields[products]=name")
    turned = b'  {"price": 4,\n "description": "Red", "name": "\\u004dug"}'
    again = post(client, turned, path=f"{PRODUCTS}?fields[products]=name&include=category")
    assert is_replay_of(first, again)


def test_the_label_of_body_and_answer_does_not_matter(client):
    body = {"data": {"type": "products", "attributes": MUG}}
    first = post(client, body, content_type=JSON_API, Accept=JSON_API)
    again = post(client, body, content_type=JSON, Accept=JSON)
    assert again["Content-Type"] == JSON
    assert again["Idempotent-Replayed"] == "true"
    assert again.content == first.content


def test_how_an_id_is_written_does_not_matter(client):
    product = StockLevelFactory(on_hand=10).product
    sale = {"quantity_delta": -1}
    first = send(client, "PATCH", f"/api/v1/inventory/{product.pk}", sale)
    again = send(client, "PATCH", f"/api/v1/inventory/{str(product.pk).upper()}", sale)
    assert first.status_code == 200
    assert is_replay_of(first, again)
    assert product.stock_levels.get().on_hand == 9


def test_the_slash_at_the_end_does_not_matter(client):
    first = post(client, path=PRODUCTS)
    assert is_replay_of(first, post(client, path=f"{PRODUCTS}/"))


def test_another_path_method_or_client_has_keys_of_its_own(client, api_client):
    one, two = ProductFactory(), ProductFactory()
    assert send(client, "PATCH", f"{PRODUCTS}/{one.pk}", {"price": 5}).status_code == 200
    assert send(client, "PATCH", f"{PRODUCTS}/{two.pk}", {"price": 5}).status_code == 200
    assert post(client).status_code == 201
    assert post(api_client(*ALL_SCOPES)).status_code == 201
    assert Product.objects.count() == 4
    assert set(Product.objects.values_list("version", flat=True)) == {1, 2}


def test_a_new_secret_of_the_same_client_keeps_its_keys(client):
    first = post(client)
    secret = rotate_key(key_id=ApiKey.objects.get(name="tester").pk)
    assert is_replay_of(first, post(ApiClient(secret)))


# What a key may look like


@pytest.mark.parametrize("key", ["x", "!", "~" * 255, "a-b_c.d/e:f;g=h", '"x y"'.replace(" ", "")])
def test_a_key_is_visible_characters(client, key):
    first = post(client, key=key)
    assert first.status_code == 201
    assert is_replay_of(first, post(client, key=key))


def test_a_key_means_the_same_with_and_without_quotes(client):
    first = post(client, key='"abc"')
    assert is_replay_of(first, post(client, key="abc"))
    assert is_replay_of(first, post(client, key="  abc  "))


@pytest.mark.parametrize("key", ["", " ", '""', "a,b", "a b", "\u00e9", "x" * 256, "a\tb", "\x7f"])
def test_a_key_of_another_form_is_malformed(client, key):
    answer = post(client, key=key)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["source"] == {"header": "Idempotency-Key"}
    assert not Product.objects.exists()


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_where_nothing_can_be_done_twice_a_key_says_nothing(client, method):
    path = f"{PRODUCTS}/{ProductFactory().pk}"
    assert send(client, method, path, b"", key="a,b").status_code < 300
    assert not IdempotencyRecord.objects.exists()


# Staff


@pytest.mark.django_db
def test_members_of_staff_have_keys_of_their_own(client):
    def session(name):
        browser = Client()
        browser.force_login(User.objects.create_superuser(name))
        return browser

    ada, bob = session("ada"), session("bob")
    first = post(ada)
    assert is_replay_of(first, post(ada))
    assert post(bob).status_code == 201
    assert post(client).status_code == 201
    assert Product.objects.count() == 3


@pytest.mark.django_db
def test_a_page_in_between_is_kept_as_the_document_it_shows(client):
    shown = post(client, Accept="text/html")
    assert shown["Content-Type"].startswith("text/html")
    again = post(client)
    assert again["Idempotent-Replayed"] == "true"
    made = again.json()
    assert client.get(made["links"]["self"]).json() == made
