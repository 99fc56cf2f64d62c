"""An Idempotency-Key is one of the whole document."""

from __future__ import annotations

import pytest
from django.db import connection

from common.events.models import Event
from common.idempotency.models import IdempotencyRecord
from products import operations
from products.models import Category, Product
from tests.api_client import JSON
from tests.common.api.atomic import add, carry_out, refusal, remove, results, update
from tests.common.api.sending_twice import is_replay_of
from tests.factories import CategoryFactory, ProductFactory, StockLevelFactory

pytestmark = pytest.mark.django_db

MUG = {"name": "Mug", "description": "Red", "price": "4.00", "sku": "MUG"}
KEY = {"Idempotency-Key": "k"}


def test_a_document_is_carried_out_once_and_answered_twice(client):
    level = StockLevelFactory(on_hand=5)
    sale = update("inventory", level.product_id, {"quantity_delta": -2})
    document = [add("products", MUG), sale, sale]
    first = carry_out(client, *document, **KEY)
    assert len(results(first)) == 3
    facts = Event.objects.count()
    assert is_replay_of(first, carry_out(client, *document, **KEY))
    level.refresh_from_db()
    assert (level.on_hand, Event.objects.count(), IdempotencyRecord.objects.count()) == (
        1,
        facts,
        1,
    )


def test_the_label_of_the_document_does_not_matter(client):
    first = carry_out(client, add("products", MUG), **KEY)
    again = carry_out(client, add("products", MUG), content_type=JSON, Accept=JSON, **KEY)
    assert (again["Content-Type"], again["Idempotent-Replayed"]) == (JSON, "true")
    assert again.content == first.content


def test_an_answer_without_a_document_is_given_again(client):
    gone = remove("categories", CategoryFactory().pk)
    first = carry_out(client, gone, **KEY)
    assert first.status_code == 204
    assert is_replay_of(first, carry_out(client, gone, **KEY))


def test_a_key_that_comes_with_another_document_is_refused(client):
    assert carry_out(client, add("products", MUG), **KEY).status_code == 200
    answer = carry_out(client, add("products", MUG), add("categories", {"name": "x"}), **KEY)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "idempotency_key_reused"
    assert not Category.objects.exists()


def test_a_refusal_is_kept_and_what_came_before_it_undone(client):
    """The refusal stays, though there is stock by now; the product made before it does not."""
    level = StockLevelFactory(on_hand=1)
    sale = update("inventory", level.product_id, {"quantity_delta": -2})
    document = [add("products", MUG), sale]
    first = carry_out(client, *document, **KEY)
    assert refusal(first)[:2] == (422, "insufficient_stock")
    more = update("inventory", level.product_id, {"quantity_delta": 10})
    assert carry_out(client, more).status_code == 200
    facts = Event.objects.count()
    assert is_replay_of(first, carry_out(client, *document, **KEY))
    assert not Product.objects.filter(sku="MUG").exists()
    assert Event.objects.count() == facts


def test_what_is_malformed_or_invalid_leaves_the_key_free(client):
    for wrong in (add("products", MUG | {"price": "x"}), {"op": "?"}, add("shoes", {})):
        assert carry_out(client, add("categories", {"name": "x"}), wrong, **KEY).status_code >= 400
    assert not Category.objects.exists()
    assert carry_out(client, add("products", MUG), **KEY).status_code == 200


def test_a_replay_needs_the_scopes_of_its_operations(client, api_client):
    assert carry_out(client, add("products", MUG), **KEY).status_code == 200
    poor = api_client("inventory:read")
    assert refusal(carry_out(poor, add("products", MUG), **KEY))[0] == 403


def test_operations_have_no_keys_of_their_own(client):
    """The key of a single request to the same address is another one."""
    product = ProductFactory()
    path = f"/api/v1/products/{product.pk}"
    change = update("products", product.pk, {"name": "Cup"})
    assert carry_out(client, change, **KEY).status_code == 200
    answer = client.patch(path, {"data": change["data"]}, headers=KEY)
    assert answer.status_code == 200
    assert "Idempotent-Replayed" not in answer


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("key", [{}, KEY])
def test_what_waits_for_the_commit_is_done_after_the_last_operation_or_not_at_all(
    client, monkeypatch, key
):
    forgotten = []
    monkeypatch.setattr("products.cache.forget", forgotten.append)
    one, two = ProductFactory(), ProductFactory()
    changes = [update("products", pk, {"name": "Cup"}) for pk in (one.pk, two.pk)]
    refused = update("products", one.pk, {"sku": two.sku})
    assert carry_out(client, *changes, refused, **key).status_code == 409
    assert forgotten == []
    assert carry_out(client, *changes).status_code == 200
    assert forgotten == [one.pk, two.pk]


@pytest.mark.django_db(transaction=True)
def test_who_dies_before_the_commit_has_done_nothing(client, monkeypatch):
    """As a power cut: the transaction ends without a word, and the retry begins anew."""

    class Death(BaseException):
        pass

    document = [add("products", MUG), add("categories", {"name": "Mugs"})]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("common.idempotency.once.keep", _raising(Death))
        with pytest.raises(Death):
            carry_out(client, *document, **KEY)
    assert not Product.objects.exists()
    assert not Event.objects.exists()
    answer = carry_out(client, *document, **KEY)
    assert len(results(answer)) == 2
    assert "Idempotent-Replayed" not in answer
    assert Product.objects.count() == 1


def _raising(kind):
    def act(*_args):
        raise kind

    return act


DEADLOCK = "DO $$ BEGIN RAISE 'deadlock' USING ERRCODE = '40P01'; END $$"


def deadlocked(operation, *, times):
    """The operation, which PostgreSQL ends as in a deadlock as often as this."""
    left = [None] * times

    def act(**inputs):
        made = operation(**inputs)
        if left:
            left.pop()
            with connection.cursor() as cursor:
                cursor.execute(DEADLOCK)
        return made

    return act


MUGS = add("categories", {"name": "Mugs"}, lid="mugs")
CUPS = add("categories", {"name": "Cups"}, parent={"type": "categories", "lid": "mugs"})


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("key", [{}, KEY])
def test_a_deadlock_begins_the_whole_document_anew(client, monkeypatch, key):
    """The first attempts are rolled back whole, so that nothing is made twice."""
    create = operations.create_category
    monkeypatch.setattr(operations, "create_category", deadlocked(create, times=2))
    answer = carry_out(client, add("products", MUG), MUGS, CUPS, **key)
    assert len(results(answer)) == 3
    assert (Product.objects.count(), Category.objects.count()) == (1, 2)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("key", [{}, KEY])
def test_a_deadlock_that_does_not_end_is_no_failure_of_ours(client, monkeypatch, key):
    create = operations.create_category
    monkeypatch.setattr(operations, "create_category", deadlocked(create, times=3))
    answer = carry_out(client, add("products", MUG), MUGS, CUPS, **key)
    assert (answer.status_code, answer["Retry-After"]) == (503, "1")
    (error,) = answer.json()["errors"]
    assert (error["code"], "source" in error) == ("service_unavailable", False)
    assert not Product.objects.exists()
    assert carry_out(client, add("products", MUG), MUGS, CUPS, **key).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_session_that_ends_in_the_middle_has_done_nothing(client, monkeypatch):
    create = operations.create_category

    def create_and_end(**inputs):
        create(**inputs)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(operations, "create_category", create_and_end)
        answer = carry_out(client, add("products", MUG), MUGS, CUPS, **KEY)
    assert (answer.status_code, answer["Retry-After"]) == (503, "1")
    assert not Product.objects.exists()
    assert len(results(carry_out(client, add("products", MUG), MUGS, CUPS, **KEY))) == 3
