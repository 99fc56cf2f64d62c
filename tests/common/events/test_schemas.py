"""What is published about events, and what is really emitted (conftest checks every one)."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone
from jsonschema import Draft202012Validator, ValidationError

from common.events.envelope import cloud_event
from common.events.models import Event
from common.events.recording import Fact
from common.events.sequencing import number_events
from common.events.types import TYPES
from common.observability.context import acting_as
from common.webhooks.claiming import claim
from common.webhooks.operations import create_endpoint, send_test
from common.webhooks.posting import Outcome
from common.webhooks.settling import Result, settle
from inventory import operations
from inventory.models import Reservation, StockLevel
from inventory.operations import Wanted
from inventory.rules import Change
from inventory.tasks import verify_ledger
from products.operations import change_product, create_product, delete_product
from tests import event_schemas
from tests.factories import StockLevelFactory
from tests.inventory.promise_pages import in_days

if TYPE_CHECKING:
    from uuid import UUID


def everything_happens() -> None:
    """A little of all that Stockroom does."""
    product = create_product(name="Pen", description="Blue.", price=Decimal("1.00"), sku="PEN")
    change_product(product_id=product.pk, changes={"name": "Pencil"})
    delete_product(product_id=product.pk)
    level = StockLevelFactory(product__sku="MUG", on_hand=5)
    operations.set_reorder_settings(stock_level_id=level.pk, changes={"reorder_point": 2})
    batch = operations.create_batch(
        sku="MUG", reference="PO-1", quantity=10, location="main", eta=in_days(3)
    )
    sold = held("SOLD", 7)
    operations.change_batch(batch_id=batch.pk, changes={"eta": in_days(5)})
    operations.change_batch(batch_id=batch.pk, changes={"quantity": 1})
    operations.receive_batch(batch_id=batch.pk)
    operations.confirm(reservation_id=sold)
    operations.ship(reservation_id=sold, lines=[Wanted(4, sku="MUG")])
    operations.adjust_stock(changes=[Change(level.product_id, delta=5)])
    given_up, left_lying = held("GIVEN-UP", 1), held("LEFT-LYING", 1)
    operations.extend(reservation_id=given_up, expires_in=timedelta(hours=2))
    operations.release(reservation_id=given_up)
    Reservation.objects.filter(pk=left_lying).update(expires_at=Now() - timedelta(seconds=1))
    operations.expire_reservations(limit=10)
    an_endpoint_is_gone()
    StockLevel.objects.filter(pk=level.pk).update(on_hand=F("on_hand") + 1)
    verify_ledger()


def an_endpoint_is_gone() -> None:
    endpoint = create_endpoint(url="https://shop.example.com/", created_by="a test")
    send_test(endpoint_id=endpoint.pk)
    number_events()
    (delivery,) = claim(most=1, each=1)
    gone = Outcome(at=timezone.now(), duration_ms=1, status_code=410)
    settle([Result(delivery, gone)])


def held(order_reference: str, quantity: int) -> UUID:
    lines = [Wanted(quantity, sku="MUG")]
    hold, _ = operations.reserve(order_reference=order_reference, lines=lines, allow_incoming=True)
    return hold.reservation.pk


@pytest.mark.django_db
def test_every_type_has_a_schema_and_is_emitted_as_it_says():
    with acting_as("shop", "request-1"):
        everything_happens()
    number_events()
    events = list(Event.objects.order_by("sequence"))
    assert {event.type for event in events} == set(TYPES) == event_schemas.published()
    for event in events:
        event_schemas.validator(event.type).validate(event.data)
        envelope = json.loads(json.dumps(cloud_event(event)))
        event_schemas.validator("envelope").validate(envelope | {"data": {}})
        assert envelope["data"] == event.data
        assert envelope["dataschema"] == event_schemas.schema(event.type)["$id"]
        assert envelope["type"] == event_schemas.schema(event.type)["title"]
    assert [int(cloud_event(event)["sequence"]) for event in events] == list(
        range(1, len(events) + 1)
    )


@pytest.mark.parametrize("name", sorted([*event_schemas.published(), "envelope"]))
def test_a_schema_is_one(name):
    schema = event_schemas.schema(name)
    Draft202012Validator.check_schema(schema)
    assert (schema["title"], schema["$id"]) == (name, f"urn:stockroom:events:v1:{name}")
    assert schema["description"]


@pytest.mark.parametrize("data", [{"order_reference": 7}, {}, {"order_reference": "A", "b": 1}])
def test_what_is_emitted_otherwise_fails_any_test(data):
    """Negative control of the check that conftest makes of every event."""
    with pytest.raises(ValidationError):
        event_schemas.check(Fact("reservation.confirmed", "reservations", uuid4(), data))
