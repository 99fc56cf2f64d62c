"""Supply on its way as other systems tell it."""

from __future__ import annotations

from datetime import date
from itertools import permutations

import pytest

from common.inbox import handling
from common.inbox.handling import Outcome
from inventory.models import Batch
from inventory.operations import receive_batch
from tests.common.inbox.messages import at, message
from tests.factories import LocationFactory, ProductFactory
from tests.inventory.inbound import tell, told
from tests.inventory.promises import what_is_wrong
from tests.racing import race

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

ANNOUNCED = {"reference": "PO-1", "sku": "MUG", "quantity": 40, "eta": "2026-12-01"}


def changed(quantity):
    return {"reference": "PO-1", "quantity": quantity}


@pytest.fixture(autouse=True)
def product():
    yield ProductFactory(sku="MUG")
    assert not what_is_wrong()


def quantity():
    return Batch.objects.values_list("quantity", flat=True).get()


def test_an_announced_batch_is_on_its_way():
    LocationFactory(code="north")
    told("batch.announced", {**ANNOUNCED, "location": "north"})
    told("batch.announced", {**ANNOUNCED, "location": "north"}, time=at(1))
    batch = Batch.objects.select_related("location", "product").get()
    assert (batch.reference, batch.quantity, batch.eta) == ("PO-1", 40, date(2026, 12, 1))
    assert (batch.location.code, batch.product.sku, batch.status) == ("north", "MUG", "incoming")


def test_a_batch_that_is_announced_again_is_the_same_batch():
    told("batch.announced", ANNOUNCED)
    told("batch.announced", ANNOUNCED)
    told("batch.announced", ANNOUNCED, time=at(1))
    told("batch.announced", ANNOUNCED, source="/supplier")
    assert quantity() == 40


@pytest.mark.parametrize(
    "other",
    [
        {"quantity": 41},
        {"eta": "2026-12-02"},
        {"sku": "JUG"},
        {"location": "north"},
        {"location": "nowhere"},
    ],
    ids=lambda other: "-".join(map(str, *other.items())),
)
def test_a_batch_that_is_announced_anew_with_other_figures_is_for_a_person_to_see(other):
    ProductFactory(sku="JUG")
    LocationFactory(code="north")
    told("batch.announced", ANNOUNCED)
    verdict = tell("batch.announced", {**ANNOUNCED, **other}, time=at(1))
    assert (verdict.outcome, verdict.code) == (Outcome.REFUSED, "duplicate")


def test_another_quantity_of_a_batch_counts():
    told("batch.announced", ANNOUNCED)
    told("batch.quantity_changed", changed(12), time=at(1))
    assert quantity() == 12


def test_a_change_before_the_announcement_is_too_early():
    body = message("batch.quantity_changed", changed(12), time=at(1))
    verdict = handling.handle(body)
    assert (verdict.outcome, verdict.reason) == (Outcome.TOO_EARLY, "There is no batch 'PO-1'.")
    told("batch.announced", ANNOUNCED)
    assert handling.handle(body).outcome == Outcome.APPLIED
    assert quantity() == 12


@pytest.mark.parametrize(
    "order", list(permutations(range(4))), ids=lambda order: "".join(map(str, order))
)
def test_the_latest_word_counts_in_whatever_order_they_come(order):
    story = [("batch.announced", ANNOUNCED, 0)]
    story += [("batch.quantity_changed", changed(n), n) for n in (10, 20, 30)]
    bodies = [message(kind, data, time=at(minutes)) for kind, data, minutes in story]
    waiting = [bodies[number] for number in order]
    for _ in range(2):
        waiting = [one for one in waiting if handling.handle(one).outcome == Outcome.TOO_EARLY]
    assert (waiting, quantity()) == ([], 30)


@pytest.mark.concurrency
def test_the_latest_word_counts_when_all_are_handled_at_once():
    told("batch.announced", ANNOUNCED)
    bodies = [message("batch.quantity_changed", changed(n + 1), time=at(n + 1)) for n in range(6)]
    race(lambda number: handling.handle(bodies[number]), workers=6)
    assert quantity() == 6


def test_without_its_time_an_older_word_would_count(monkeypatch):
    """Negative control: the order of coming is not the order of happening."""
    monkeypatch.setattr("inventory.inbound.batches.latest", lambda *_: None)
    told("batch.announced", ANNOUNCED)
    for minutes in (2, 1):
        told("batch.quantity_changed", changed(minutes), time=at(minutes))
    assert quantity() == 1


@pytest.mark.parametrize("arrived", [None, 20], ids=["all of it", "a part"])
def test_less_than_has_arrived_is_for_a_person_to_see(arrived):
    told("batch.announced", ANNOUNCED)
    receive_batch(batch_id=Batch.objects.get().pk, quantity=arrived)
    verdict = tell("batch.quantity_changed", changed(12), time=at(1))
    assert verdict.outcome == Outcome.REFUSED
    assert quantity() == 40


def test_an_unknown_product_or_location_is_refused():
    assert tell("batch.announced", {**ANNOUNCED, "sku": "JUG"}).code == "not_found"
    assert tell("batch.announced", {**ANNOUNCED, "location": "nowhere"}).code == "not_found"
