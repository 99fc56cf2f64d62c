"""Which answers are kept under an Idempotency-Key, together with what they did (RULES §2)."""

from __future__ import annotations

from threading import Barrier, Event

import pytest
from django.db import OperationalError

from common.access.operations import revoke_key
from common.access.verification import forget_findings
from common.events.models import Event as Fact
from common.idempotency import once
from common.idempotency.models import IdempotencyRecord
from products import cache, operations
from products.models import Product
from tests.api_client import JSON, ApiClient
from tests.common.api.sending_twice import MUG, PRODUCTS, code, is_replay_of, post, send
from tests.factories import (
    ProductFactory,
    StockLevelFactory,
)
from tests.racing import race


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
        broken.setattr(once, "keep", crash)
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
    monkeypatch.setattr(once, "claimed", lambda claims: [None] * len(claims))
    race(lambda _: post(ApiClient(client.key)), workers=2)
    assert not both_are_here.broken
    assert Product.objects.count() == 1  # the unique scope is the backstop
