"""Stock over gRPC, on a real port."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from django.db import transaction
from prometheus_client import REGISTRY

from common.ids import new_id
from inventory.models import Reservation, StockLevel, StockMovement
from tests.calling import refusal_of
from tests.factories import ProductFactory, StockLevelFactory
from tests.waiting import wait_until

SERVICE = "inventory.v1"


@pytest.fixture
def level(db):
    return StockLevelFactory(product__sku="MUG", on_hand=5)


def adjusted(rpc, level, delta, **fields):
    return rpc(
        SERVICE, "Adjust", product_id=str(level.product_id), quantity_delta=delta, **fields
    ).inventory


def reserved(rpc, quantity, order="ORDER-1", **fields):
    lines = [{"sku": "MUG", "quantity": quantity}]
    return rpc(SERVICE, "Reserve", order_reference=order, lines=lines, **fields)


def test_a_change_of_stock_is_in_the_ledger_with_its_caller(rpc, level):
    told = adjusted(rpc, level, -2, reason="damage", reference="R-1", note="Broken",
                    metadata={"x-request-id": "request-7"})  # fmt: skip
    assert (told.quantity, told.available, told.product_id) == (3, 3, str(level.product_id))
    movement = StockMovement.objects.latest("sequence")
    assert (movement.delta, movement.reason, movement.reference) == (-2, "damage", "R-1")
    assert (movement.actor, movement.request_id) == ("caller", "request-7")


def test_the_values_are_those_of_the_api(rpc, client, level):
    told = adjusted(rpc, level, 1)
    shown = client.get(f"/api/v1/inventory/{level.product_id}").json()["data"]["attributes"]
    for name in ("quantity", "reserved", "available", "incoming", "last_updated", "version"):
        assert getattr(told, name) == shown[name]


def test_a_count_says_what_the_counter_saw(rpc, level):
    told = rpc(SERVICE, "Adjust", product_id=str(level.product_id), quantity=4, expected_quantity=5)
    assert told.inventory.quantity == 4
    refused = rpc.refused(
        SERVICE, "Adjust", product_id=str(level.product_id), quantity=0, expected_quantity=5
    )
    assert (refused.code, refused.reasons) == ("FAILED_PRECONDITION", ["stale_quantity"])
    assert refused.details["ErrorInfo"][0].metadata["current"] == "4"
    blind = rpc.refused(SERVICE, "Adjust", product_id=str(level.product_id), quantity=1)
    assert (blind.code, blind.reasons) == ("FAILED_PRECONDITION", ["precondition_required"])


def test_what_is_short_is_refused_with_its_figures(rpc, level):
    refused = rpc.refused(SERVICE, "Adjust", product_id=str(level.product_id), quantity_delta=-6)
    assert (refused.code, refused.reasons) == ("FAILED_PRECONDITION", ["insufficient_stock"])
    (info,) = refused.details["ErrorInfo"]
    assert info.domain == "stockroom"
    assert dict(info.metadata) == {
        "requested": "6", "available": "5", "shortfall": "1", "sku": "MUG",
        "product_id": str(level.product_id), "field": "quantity_delta",
    }  # fmt: skip
    (violation,) = refused.details["PreconditionFailure"][0].violations
    assert (violation.type, violation.subject) == ("insufficient_stock", "quantity_delta")
    assert "6 of MUG" in violation.description
    level.refresh_from_db()
    assert level.on_hand == 5


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "quantity_delta"),
        ({"quantity_delta": 0}, "quantity_delta"),
        ({"quantity_delta": 2**62}, "quantity_delta"),
        ({"quantity": -1, "expected_quantity": 5}, "quantity"),
        ({"quantity_delta": -1, "reason": "theft"}, "reason"),
        ({"quantity_delta": -1, "reason": "receipt"}, "reason"),
        ({"quantity_delta": -1, "note": "\x00"}, "note"),
        ({"quantity_delta": -1, "note": "x" * 1001}, "note"),
        ({"quantity_delta": 1, "product_id": "MUG"}, "product_id"),
        ({"quantity_delta": 1, "product_id": ""}, "product_id"),
    ],
)
def test_wrong_input_is_invalid_and_changes_nothing(rpc, level, fields, field):
    refused = rpc.refused(SERVICE, "Adjust", **{"product_id": str(level.product_id)} | fields)
    assert refused.code == "INVALID_ARGUMENT"
    assert refused.details["BadRequest"][0].field_violations[0].field == field
    assert StockMovement.objects.count() == 1


def test_what_was_never_stocked_is_not_found(rpc):
    for product_id in (new_id(), ProductFactory().pk):
        refused = rpc.refused(SERVICE, "Adjust", product_id=str(product_id), quantity_delta=1)
        assert (refused.code, refused.reasons) == ("NOT_FOUND", ["not_found"])


def test_availability_holds_nothing(rpc, level):
    lines = [{"sku": "mug", "quantity": 3}, {"product_id": str(level.product_id), "quantity": 4}]
    told = rpc(SERVICE, "Availability", lines=lines)
    (line,) = told.lines
    assert (line.sku, line.quantity, line.available, line.shortfall) == ("MUG", 7, 5, 2)
    assert [(one.location, one.quantity) for one in line.allocations] == [("main", 5)]
    assert not told.HasField("promise_date")
    level.refresh_from_db()
    assert level.reserved == 0


def test_a_hold_is_made_confirmed_and_released(rpc, level):
    made = reserved(rpc, 3, expires_in=60)
    assert made.created
    held = made.reservation
    assert (held.order_reference, held.status, held.allow_incoming) == ("ORDER-1", "active", False)
    assert held.expires_at.endswith("Z")
    assert (held.lines[0].sku, held.lines[0].quantity) == ("MUG", 3)
    assert held.lines[0].allocations[0].location == "main"
    again = reserved(rpc, 3)
    assert (again.created, again.reservation.id) == (False, held.id)
    confirmed = rpc(SERVICE, "Confirm", reservation_id=held.id).reservation
    assert confirmed.status == "confirmed"
    assert not confirmed.HasField("expires_at")
    released = rpc(SERVICE, "Release", reservation_id=held.id).reservation
    assert released.status == "released"
    refused = rpc.refused(SERVICE, "Confirm", reservation_id=held.id)
    assert (refused.code, refused.reasons) == ("FAILED_PRECONDITION", ["reservation_not_active"])
    level.refresh_from_db()
    assert (level.on_hand, level.reserved) == (5, 0)


def test_every_short_line_is_named_with_its_place(rpc, level):
    StockLevelFactory(product__sku="CUP", on_hand=1)
    lines = [{"sku": "MUG", "quantity": 6}, {"sku": "CUP", "quantity": 3}]
    refused = rpc.refused(SERVICE, "Reserve", order_reference="ORDER-1", lines=lines)
    assert refused.code == "FAILED_PRECONDITION"
    assert refused.reasons == ["insufficient_stock"] * 2
    assert refused.message.endswith("(and 1 more)")
    places = [info.metadata["field"] for info in refused.details["ErrorInfo"]]
    assert places == ["lines[0]", "lines[1]"]
    assert not Reservation.objects.exists()


def test_so_many_short_lines_that_their_figures_do_not_fit(rpc):
    levels = [StockLevelFactory(on_hand=1) for _ in range(25)]
    lines = [{"product_id": str(level.product_id), "quantity": 2} for level in levels]
    refused = rpc.refused(SERVICE, "Reserve", order_reference="ORDER-1", lines=lines)
    assert refused.message.endswith("(and 24 more)")
    assert 1 <= len(refused.reasons) < 25


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"lines": [{"sku": "MUG", "quantity": 1}]}, "order_reference"),
        ({"order_reference": "O"}, "lines"),
        ({"order_reference": "O", "lines": [{"sku": "MUG"}]}, "lines[0].quantity"),
        ({"order_reference": "O", "lines": [{"quantity": 1}]}, "lines[0].product_id"),
        ({"order_reference": "O", "lines": [{"sku": "MUG", "quantity": 1}] * 201}, "lines"),
        (
            {"order_reference": "O", "lines": [{"sku": "MUG", "quantity": 1}], "expires_in": 0},
            "expires_in",
        ),
    ],
)
def test_a_hold_that_cannot_be_is_invalid(rpc, level, fields, field):
    refused = rpc.refused(SERVICE, "Reserve", **fields)
    assert refused.code == "INVALID_ARGUMENT"
    violations = refused.details["BadRequest"][0].field_violations
    assert field in [violation.field for violation in violations]


def test_a_product_of_a_line_that_does_not_exist_is_not_found(rpc, level):
    lines = [{"sku": "MUG", "quantity": 1}, {"sku": "NO-SUCH", "quantity": 1}]
    refused = rpc.refused(SERVICE, "Reserve", order_reference="O", lines=lines)
    assert refused.code == "NOT_FOUND"
    assert refused.details["ErrorInfo"][0].metadata["field"] == "lines[1].sku"


# Once for a key


def keyed(key="key-1", **more):
    return {"idempotency-key": key, **more}


def test_a_call_with_a_key_is_done_once(rpc, level):
    first = adjusted(rpc, level, -2, metadata=keyed())
    assert "idempotent-replayed" not in rpc.trailing
    second = adjusted(rpc, level, -2, metadata=keyed())
    assert rpc.trailing["idempotent-replayed"] == "true"
    assert first == second
    level.refresh_from_db()
    assert level.on_hand == 3


def test_a_refusal_is_kept_for_its_key(rpc, level):
    lines = [{"sku": "MUG", "quantity": 6}]
    asked = (SERVICE, "Reserve", keyed())
    first = rpc.refused(*asked, order_reference="ORDER-1", lines=lines)
    adjusted(rpc, level, 10)
    again = rpc.refused(*asked, order_reference="ORDER-1", lines=lines)
    assert (again.code, again.message) == (first.code, first.message)
    assert again.reasons == first.reasons == ["insufficient_stock"]
    assert again.details["PreconditionFailure"] == first.details["PreconditionFailure"]


def test_a_key_of_wrong_input_stays_free(rpc, level):
    rpc.refused(SERVICE, "Adjust", keyed(), product_id=str(level.product_id), quantity_delta=0)
    rpc.refused(SERVICE, "Adjust", keyed(), product_id=str(new_id()), quantity_delta=1)
    assert adjusted(rpc, level, -1, metadata=keyed()).quantity == 4


def test_a_key_is_for_one_message_of_one_method(rpc, level):
    adjusted(rpc, level, -1, metadata=keyed())
    refused = rpc.refused(
        SERVICE, "Adjust", keyed(), product_id=str(level.product_id), quantity_delta=-2
    )
    assert (refused.code, refused.reasons) == ("FAILED_PRECONDITION", ["idempotency_key_reused"])
    assert reserved(rpc, 1, metadata=keyed()).created  # of another method it is another key
    refused = rpc.refused(
        SERVICE, "Adjust", keyed("a,b"), product_id=str(level.product_id), quantity_delta=-2
    )
    assert (refused.code, refused.reasons) == ("INVALID_ARGUMENT", ["invalid_parameter"])


# With connections of their own


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_callers_at_once_cannot_oversell(rpc_committed):
    level = StockLevelFactory(product__sku="MUG", on_hand=3)

    def sell(number):
        try:
            return adjusted(rpc_committed, level, -1)
        except grpc.RpcError as error:
            return refusal_of(error).reasons

    with ThreadPoolExecutor(8) as callers:
        outcomes = list(callers.map(sell, range(8)))
    assert outcomes.count(["insufficient_stock"]) == 5
    level.refresh_from_db()
    assert (level.on_hand, StockMovement.objects.count()) == (0, 4)


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_twins_with_one_key_have_one_effect(rpc_committed):
    level = StockLevelFactory(product__sku="MUG", on_hand=5)

    def sell(number):
        try:
            return adjusted(rpc_committed, level, -1, metadata=keyed()).quantity
        except grpc.RpcError as error:
            refused = refusal_of(error)
            assert (refused.code, refused.reasons) == ("ABORTED", ["idempotency_in_progress"])
            assert refused.details["RetryInfo"][0].retry_delay.seconds == 1
            return None

    with ThreadPoolExecutor(4) as callers:
        outcomes = list(callers.map(sell, range(4)))
    assert set(outcomes) <= {4, None}
    level.refresh_from_db()
    assert level.on_hand == 4


@pytest.mark.django_db(transaction=True)
def test_a_lock_is_waited_for_no_longer_than_the_caller_waits(rpc_committed, monkeypatch):
    """Not as long as anybody else does: the thread is free again for the next one."""
    level = StockLevelFactory(product__sku="MUG", on_hand=5)
    adjusted(rpc_committed, level, -1)
    with transaction.atomic():
        StockLevel.objects.filter(pk=level.pk).locked().get()
        with pytest.raises(grpc.RpcError) as raised:
            adjusted(rpc_committed, level, -1, timeout=0.3)
        assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        wait_until(nobody_is_served, 0.6)  # the lock's own time-out would come after 1.2 s
    level.refresh_from_db()
    assert level.on_hand == 4


def nobody_is_served():
    return REGISTRY.get_sample_value("rpc_requests_in_progress") == 0


@pytest.mark.django_db(transaction=True)
def test_a_lock_that_is_not_to_be_had_is_unavailable(rpc_committed, monkeypatch):
    monkeypatch.setattr("common.rpc.deadlines.LONGEST_LOCK", 60.0)
    monkeypatch.setattr("common.rpc.deadlines.LIMIT", "SET LOCAL lock_timeout = 50 -- %s")
    level = StockLevelFactory(product__sku="MUG", on_hand=5)
    with transaction.atomic():
        StockLevel.objects.filter(pk=level.pk).locked().get()
        refused = rpc_committed.refused(
            SERVICE, "Adjust", product_id=str(level.product_id), quantity_delta=-1
        )
    assert (refused.code, refused.reasons) == ("UNAVAILABLE", ["service_unavailable"])
    assert refused.details["RetryInfo"][0].retry_delay.seconds == 1
