"""Idempotency-Key: a request is applied once and answered as often as it is sent (RULES §2)."""

from __future__ import annotations

import json
from threading import Barrier, Event

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import Client

from common.access.models import ApiKey
from common.access.operations import revoke_key, rotate_key
from common.access.scopes import ALL_SCOPES
from common.events.models import Event as Fact
from common.idempotency import once
from common.idempotency.models import IdempotencyRecord
from products import cache, operations
from products.models import Product
from tests.api_client import JSON, JSON_API, ApiClient
from tests.factories import (
    CategoryFactory,
    LocationFactory,
    ProductFactory,
    StockLevelFactory,
)
from tests.racing import race

PRODUCTS = "/api/v1/products"
MUG = {"name": "Mug", "description": "Red", "price": 4}


def send(client, method, path, body, key="k", content_type=JSON, **headers):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers["Idempotency-Key"] = key
    return client.generic(method, path, content, content_type, headers=headers)


def post(client, body=MUG, key="k", path=PRODUCTS, **more):
    return send(client, "POST", path, body, key, **more)


def code(answer):
    (error,) = answer.json()["errors"]
    return answer.status_code, error["code"]


def is_replay_of(first, again):
    """Byte for byte the same answer, marked as a repetition."""
    same = ("Location", "ETag", "Content-Type")
    return (
        again.get("Idempotent-Replayed") == "true"
        and "Idempotent-Replayed" not in first
        and (again.status_code, again.content) == (first.status_code, first.content)
        and all(again.get(name) == first.get(name) for name in same)
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


# What is kept


@pytest.mark.usefixtures("commits_at_once")
def test_a_refusal_of_the_business_is_given_again_even_when_it_would_not_be_now(client):
    level = StockLevelFactory(on_hand=1)
    path = f"/api/v1/inventory/{level.product_id}"
    first = send(client, "PATCH", path, {"quantity_delta": -2})
    assert code(first) == (422, "insufficient_stock")
    client.patch(path, {"quantity_delta": 10}, JSON)
    assert is_replay_of(first, send(client, "PATCH", path, {"quantity_delta": -2}))
    taken = ProductFactory(sku="MUG")
    first = post(client, MUG | {"sku": "MUG"})
    assert code(first) == (409, "duplicate")
    client.delete(f"{PRODUCTS}/{taken.pk}")
    assert is_replay_of(first, post(client, MUG | {"sku": "MUG"}))


@pytest.mark.parametrize(
    ("body", "query", "status"),
    [
        (MUG | {"name": ""}, "", 422),
        (MUG | {"bogus": 1}, "", 422),
        (MUG | {"sku": "a b"}, "", 422),
        (MUG | {"category_id": "01a1fd94-0000-7000-8000-000000000000"}, "", 404),
        ({"data": {"type": "bogus", "attributes": MUG}}, "", 409),
        ({"data": {"type": "products", "id": "1", "attributes": MUG}}, "", 403),
        ([], "", 400),
        (MUG, "?bogus=1", 400),
    ],
)
def test_a_mistake_in_the_request_leaves_the_key_free(client, body, query, status):
    assert post(client, body, path=PRODUCTS + query).status_code == status
    assert not IdempotencyRecord.objects.exists()
    assert post(client).status_code == 201


@pytest.mark.usefixtures("commits_at_once")
def test_a_condition_that_does_not_hold_leaves_the_key_free(client):
    level = StockLevelFactory(on_hand=5)
    path = f"/api/v1/inventory/{level.product_id}"
    assert send(client, "PATCH", path, {"quantity": 7}).status_code == 428
    stale = send(client, "PATCH", path, {"quantity": 7}, **{"If-Match": '"99"'})
    assert stale.status_code == 412
    counted = send(client, "PATCH", path, {"quantity": 7, "expected_quantity": 5})
    assert counted.status_code == 200


def test_a_refused_sender_leaves_the_key_free(api_client, client):
    reader = api_client("products:read")
    assert post(reader).status_code == 403
    assert post(ApiClient("bogus")).status_code == 401
    assert not IdempotencyRecord.objects.exists()


def test_whoever_may_no_longer_ask_gets_no_repetition(client):
    assert post(client).status_code == 201
    revoke_key(name="tester")
    from common.access.verification import forget_findings

    forget_findings()
    assert post(client).status_code == 401


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("failure", [OperationalError, RuntimeError])
def test_a_failure_of_ours_leaves_the_key_free(client, monkeypatch, failure):
    def fail(**_):
        raise failure("away")

    client.raise_request_exception = False
    with monkeypatch.context() as broken:
        broken.setattr(operations, "create_product", fail)
        assert post(client).status_code in {500, 503}
    assert not IdempotencyRecord.objects.exists()
    assert post(client).status_code == 201


@pytest.mark.django_db(transaction=True)
def test_without_its_record_there_is_no_effect(client, monkeypatch):
    """As if the process died between the two: both or neither."""

    def crash(*_):
        assert Product.objects.count() == 1  # the work has been done by then
        raise RuntimeError("killed")

    client.raise_request_exception = False
    with monkeypatch.context() as broken:
        broken.setattr(once, "_keep", crash)
        assert post(client).status_code == 500
    assert not Product.objects.exists()
    assert not Fact.objects.exists()
    assert post(client).status_code == 201
    assert (Product.objects.count(), IdempotencyRecord.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("key", [None, "k"])
def test_a_cache_that_fails_after_the_commit_spoils_no_answer(client, monkeypatch, key):
    path = f"{PRODUCTS}/{ProductFactory().pk}"

    def fail(_product_id):
        raise RuntimeError("no cache")

    monkeypatch.setattr(cache, "forget", fail)
    headers = {"Idempotency-Key": key} if key else {}
    answer = client.patch(path, {"name": "Cup"}, JSON, headers=headers)
    assert answer.status_code == 200
    assert Product.objects.get().name == "Cup"


# Twins


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_works_and_the_other_is_told_to_wait(client, monkeypatch):
    create, is_working, may_finish = operations.create_product, Event(), Event()

    def create_slowly(**attributes):
        is_working.set()
        assert may_finish.wait(10)
        return create(**attributes)

    monkeypatch.setattr(operations, "create_product", create_slowly)

    def twin(number):
        if number == 0:
            return post(ApiClient(client.key))
        assert is_working.wait(10)
        answer = post(ApiClient(client.key))
        may_finish.set()
        return answer

    first, second = race(twin, workers=2)
    assert first.status_code == 201
    assert code(second) == (409, "idempotency_in_progress")
    assert second["Retry-After"] == "1"
    assert is_replay_of(first, post(client))
    assert Product.objects.count() == 1


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_eight_at_once_have_one_effect(client):
    answers = race(lambda _: post(ApiClient(client.key)), workers=8)
    made = [answer for answer in answers if answer.status_code == 201]
    assert len({answer.content for answer in made}) == 1
    assert {code(one) for one in answers if one.status_code != 201} <= {
        (409, "idempotency_in_progress")
    }
    assert (Product.objects.count(), Fact.objects.count()) == (1, 1)


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_without_the_lock_both_twins_get_to_work(client, monkeypatch):
    """Negative control: if this fails, the two tests above prove nothing."""
    create, both_are_here = operations.create_product, Barrier(2, timeout=10)

    def create_together(**attributes):
        both_are_here.wait()
        return create(**attributes)

    monkeypatch.setattr(operations, "create_product", create_together)
    monkeypatch.setattr(once, "_locked", lambda _scope: True)
    race(lambda _: post(ApiClient(client.key)), workers=2)
    assert not both_are_here.broken
    assert Product.objects.count() == 1  # the unique scope is the backstop


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
