"""If-Match on the URLs of actions (RFC 9110 §13.1.1): done to what the client has seen, or not."""

from __future__ import annotations

from datetime import date
from uuid import uuid4

import pytest
from django.db.models import F

from common.events.models import Event
from inventory import operations
from inventory.api.promises import BatchView, ReservationView
from inventory.models import Batch, Reservation, StockMovement
from inventory.operations import Wanted
from tests.api_client import JSON
from tests.factories import LocationFactory, StockLevelFactory

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
ON_RESERVATIONS = ["extend", "confirm", "release", "ship"]
ACTIONS = ["receive", *ON_RESERVATIONS]
STALE = ['"0"', '"2"', 'W/"1"', "1", '"x"']


@pytest.fixture
def url():
    """The address of each action, on a batch or hold in its first version."""
    StockLevelFactory(product__sku="MUG", on_hand=5)
    batch = operations.create_batch(reference="PO", quantity=4, sku="MUG", eta=date(2099, 12, 1))
    held, _ = operations.reserve(order_reference="1", lines=[Wanted(2, sku="MUG")])
    addresses = {name: f"/api/v1/reservations/{held.pk}/{name}" for name in ON_RESERVATIONS}
    return addresses | {"receive": f"/api/v1/batches/{batch.pk}/receive"}


def refusal(response):
    (error,) = response.json()["errors"]
    return response.status_code, error["code"], error.get("source")


@pytest.mark.parametrize("tag", STALE)
@pytest.mark.parametrize("name", ACTIONS)
def test_an_action_on_another_version_is_refused_and_not_done(client, url, name, tag):
    before = Event.objects.count()
    response = client.post(url[name], headers={"If-Match": tag})
    assert refusal(response) == (412, "precondition_failed", {"header": "If-Match"})
    assert Event.objects.count() == before


@pytest.mark.parametrize("tag", ['"1"', '"1-0123456789abcdef"', '"7", "1"', "*", None])
@pytest.mark.parametrize("name", ACTIONS)
def test_an_action_on_the_version_that_was_seen_is_done(client, url, name, tag):
    response = client.post(url[name], headers={"If-Match": tag} if tag else {})
    assert (response.status_code, response["ETag"].strip('"').partition("-")[0]) == (200, "2")


@pytest.mark.parametrize("name", ACTIONS)
def test_the_tag_of_a_fetched_resource_is_good_for_one_change(client, url, name):
    seen = {"If-Match": client.get(url[name].rpartition("/")[0])["ETag"]}
    assert client.post(url[name], headers=seen).status_code == 200
    assert client.post(url[name], headers=seen).status_code == 412


@pytest.mark.parametrize("name", ACTIONS)
def test_the_version_is_looked_at_again_under_the_lock(client, url, name, monkeypatch):
    """Somebody changes it between the first look and the lock."""
    view, model = (BatchView, Batch) if name == "receive" else (ReservationView, Reservation)
    looked = view.check_preconditions

    def then_somebody_else(self, version):
        looked(self, version)
        model.objects.update(version=F("version") + 1)

    monkeypatch.setattr(view, "check_preconditions", then_somebody_else)
    before = Event.objects.count()
    assert client.post(url[name], headers={"If-Match": '"1"'}).status_code == 412
    assert Event.objects.count() == before
    assert client.post(url[name]).status_code == 200  # who demands nothing is served


@pytest.mark.parametrize("name", ACTIONS)
def test_a_replay_comes_before_the_condition(client, url, name):
    headers = {"Idempotency-Key": "k", "If-Match": '"1"'}
    once, again = (client.post(url[name], headers=headers) for _ in range(2))
    assert (once.status_code, again.status_code) == (200, 200)
    assert (again.content, again["Idempotent-Replayed"]) == (once.content, "true")


def test_a_refused_condition_leaves_the_key_free(client, url):
    key = {"Idempotency-Key": "k"}
    stale = client.post(url["confirm"], headers=key | {"If-Match": '"7"'})
    assert stale.status_code == 412
    assert client.post(url["confirm"], headers=key | {"If-Match": '"1"'}).status_code == 200


def test_the_condition_comes_before_the_input_and_after_the_row(client, url):
    stale = {"If-Match": '"7"'}
    assert client.post(url["extend"], {"expires_in": 0}, JSON, headers=stale).status_code == 412
    other = {"data": {"type": "batches"}}
    assert client.post(url["extend"], other, headers=stale).status_code == 412
    nothing = client.post(f"/api/v1/reservations/{uuid4()}/extend", headers=stale)
    assert nothing.status_code == 404


def test_what_must_not_be_there_is_not_acted_on(client, url):
    response = client.post(url["confirm"], headers={"If-None-Match": "*"})
    assert refusal(response) == (412, "precondition_failed", {"header": "If-None-Match"})


@pytest.mark.parametrize("kind", ["stock-movements", "transfers"])
def test_what_never_changes_is_reversed_under_a_condition_too(client, kind):
    level = StockLevelFactory(on_hand=5)
    LocationFactory(code="far")
    transfer = operations.transfer_stock(
        product_id=level.product_id, quantity=1, from_location="main", to_location="far"
    )
    operations.create_batch(reference="PO", quantity=1, product_id=level.product_id)
    arrived = StockMovement.objects.get(reference="PO")
    rows = {"transfers": transfer, "stock-movements": arrived}
    address = f"/api/v1/{kind}/{rows[kind].pk}"
    before = Event.objects.count()
    refused = client.post(f"{address}/reverse", headers={"If-Match": '"2"'})
    assert refusal(refused) == (412, "precondition_failed", {"header": "If-Match"})
    assert Event.objects.count() == before
    seen = {"If-Match": client.get(address)["ETag"]}
    assert client.post(f"{address}/reverse", headers=seen).status_code == 201
