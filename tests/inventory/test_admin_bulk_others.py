"""The pages that receive batches, release reservations and take back movements and transfers."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from common.errors import VersionMismatch
from inventory import operations
from inventory.admin.bulk_promise_forms import BatchesReceipt
from inventory.models import (
    Batch,
    Reservation,
    ReservationLine,
    StockLevel,
    StockMovement,
    Transfer,
)
from inventory.rules import Change
from tests.back_office import errors_on, filled_in, staff, text_of, told
from tests.factories import LocationFactory, ProductFactory, StockLevelFactory
from tests.inventory.bulk_pages import bulk_address, opened, row_errors, sent
from tests.inventory.promise_pages import held, ordered, past_its_time
from tests.inventory.stock_pages import STOCK_FORM, adjustments, moved

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

RECEIVE = bulk_address("batch", "receive")
RELEASE = bulk_address("reservation", "release")
REVERSE = bulk_address("stockmovement", "reverse")
BRING_BACK = bulk_address("transfer", "reverse")


@pytest.fixture
def mug() -> StockLevel:
    return StockLevelFactory(product__sku="MUG", product__name="Mug", on_hand=7)


def cells(page, title: str) -> list[tuple[object, int | None]]:
    """A column of the page: what stands there, and what it will be."""
    return [
        (cell.text, cell.after)
        for row in page.context["form"].rows
        for cell in row.cells
        if str(cell.title) == title
    ]


# Batches


def test_batches_are_received_together_with_what_becomes_of_the_shelf_shown(admin_client, mug):
    first, second = ordered("PO-1", 5), ordered("PO-2", 10, days=9)
    page = opened(admin_client, [first, second], "receive")
    assert cells(page, "On hand") == [(7, 12), (12, 22)]
    answer = sent(admin_client, page, RECEIVE, {})
    assert told(answer) == ["PO-1: 5 received; PO-2: 10 received."]
    mug.refresh_from_db()
    assert (mug.on_hand, mug.incoming) == (22, 0)
    assert adjustments(mug) == [(5, "receipt"), (10, "receipt")]
    assert set(Batch.objects.values_list("status", flat=True)) == {"received"}
    assert LogEntry.objects.count() == 2


def test_received_batches_supply_the_orders_that_count_on_them(admin_client):
    ProductFactory(sku="MUG")
    rows = [ordered("PO-1", 3), ordered("PO-2", 4, days=9)]
    held("ORDER", 6)
    sent(admin_client, opened(admin_client, rows, "receive"), RECEIVE, {})
    level = StockLevel.objects.get()
    assert (level.on_hand, level.reserved) == (7, 6)


def test_batches_that_are_closed_are_left_out_and_the_page_says_so(admin_client, mug):
    first, second = ordered("PO-1", 5), ordered("PO-2", 10)
    operations.receive_batch(batch_id=first.pk)
    page = opened(admin_client, [first, second], "receive", query="?status=all")
    assert [row.of for row in page.context["form"].rows] == [second]
    assert "Batches that are not on their way any more are left out. (1)" in text_of(page)
    nothing = opened(admin_client, [first], "receive", query="?status=all")
    assert told(nothing) == ["None of these batches is on its way."]


def test_a_batch_that_was_received_in_part_meanwhile_is_told(admin_client, mug):
    first, second = ordered("PO-1", 5), ordered("PO-2", 10)
    page = opened(admin_client, [first, second], "receive")
    operations.receive_batch(batch_id=first.pk, quantity=2)
    answer = sent(admin_client, page, RECEIVE, {})
    assert row_errors(answer)[0] == ["5 were outstanding when you opened this page, and 3 are now."]
    assert Batch.objects.get(pk=second.pk).received_quantity == 0
    assert told(sent(admin_client, answer, RECEIVE, {})) == ["PO-1: 3 received; PO-2: 10 received."]


# Reservations


def test_reservations_are_released_together(admin_client, mug):
    first, second = held("ORDER-1", 2), held("ORDER-2", 3)
    page = opened(admin_client, [first, second], "release")
    assert cells(page, "Free again") == [("2 of MUG", None), ("3 of MUG", None)]
    answer = sent(admin_client, page, RELEASE, {})
    assert told(answer) == ["ORDER-1: released; ORDER-2: released."]
    mug.refresh_from_db()
    assert mug.reserved == 0


def test_one_past_its_time_ends_as_expired(admin_client, mug):
    first, second = held("ORDER-1", 2), held("ORDER-2", 3)
    past_its_time(first)
    page = opened(admin_client, [first, second], "release")
    assert told(sent(admin_client, page, RELEASE, {})) == ["ORDER-1: expired; ORDER-2: released."]
    mug.refresh_from_db()
    assert mug.reserved == 0


def test_what_was_freed_goes_to_the_orders_that_wait(admin_client, mug):
    first, second, third = held("ORDER-1", 1), held("ORDER-2", 3), held("ORDER-3", 3)
    count = Change(product_id=mug.product_id, count=4, expected=7, release_latest=True)
    operations.adjust_stock(changes=[count])
    assert ReservationLine.objects.get(reservation=third).unallocated == 3
    sent(admin_client, opened(admin_client, [first, second], "release"), RELEASE, {})
    assert ReservationLine.objects.get(reservation=third).unallocated == 0
    mug.refresh_from_db()
    assert mug.reserved == 3


def test_reservations_that_ended_meanwhile_are_not_released_unnoticed(admin_client, mug):
    first, second = held("ORDER-1", 2), held("ORDER-2", 3)
    page = opened(admin_client, [first, second], "release")
    operations.ship(reservation_id=first.pk)
    answer = sent(admin_client, page, RELEASE, {})
    (sentence,) = errors_on(answer)["__all__"]
    assert sentence.startswith("This cannot be done any more to some of the rows selected.")
    assert Reservation.objects.get(pk=second.pk).status == "active"
    assert told(sent(admin_client, answer, RELEASE, {})) == ["ORDER-2: released."]


def test_orders_that_were_confirmed_meanwhile_keep_their_stock(admin_client, mug):
    first, second = held("ORDER-1", 2), held("ORDER-2", 3)
    page = opened(admin_client, [first, second], "release")
    operations.confirm(reservation_id=second.pk)
    answer = sent(admin_client, page, RELEASE, {})
    assert errors_on(answer) == {"__all__": ["Nothing was changed: 1 row needs another look."]}
    (unchanged, (sentence,)) = row_errors(answer)
    assert unchanged == []
    assert sentence.startswith("Somebody has changed it since you opened this page.")
    mug.refresh_from_db()
    assert mug.reserved == 5
    again = sent(admin_client, answer, RELEASE, {})
    assert told(again) == ["ORDER-1: released; ORDER-2: released."]


def test_what_was_seen_is_compared_after_the_lock(mug):
    batch, hold = ordered("PO-1", 5), held("ORDER-1", 2)
    operations.receive_batch(batch_id=batch.pk, quantity=2)
    operations.confirm(reservation_id=hold.pk)
    with pytest.raises(VersionMismatch) as refused:
        operations.receive_batches(expected={batch.pk: 5})
    assert refused.value.meta == {"id": str(batch.pk)}
    with pytest.raises(VersionMismatch) as refused:
        operations.release_all(expected_versions={hold.pk: hold.version})
    assert refused.value.meta == {"id": str(hold.pk)}
    (received,) = operations.receive_batches(expected={batch.pk: 3})
    assert (received.received_quantity, received.status) == (5, "received")


# Movements


def test_movements_are_reversed_together_the_newest_first(admin_client, mug):
    moved(mug, 5, -2)
    rows = list(mug.movements.order_by("sequence").filter(sequence__gt=1))
    page = opened(admin_client, rows, "reverse")
    assert cells(page, "On hand") == [(10, 12), (12, 7)]
    answer = sent(admin_client, page, REVERSE, {"note": "Wrong shelf."})
    assert told(answer) == ["MUG at Main: 10 → 12 (reversal); MUG at Main: 12 → 7 (reversal)."]
    opposites = StockMovement.objects.filter(reason="reversal")
    assert set(opposites.values_list("note", flat=True)) == {"Wrong shelf."}
    again = opened(admin_client, rows, "reverse")
    assert told(again) == ["None of these movements can be reversed."]


def test_movements_whose_units_are_gone_are_told_at_their_rows(admin_client, mug):
    tea = StockLevelFactory(product__sku="TEA", on_hand=4)
    moved(tea, -3)
    opening, sale = tea.movements.order_by("sequence")
    page = opened(admin_client, [opening, mug.movements.get()], "reverse")
    answer = sent(admin_client, page, REVERSE, {})
    errors = {row.of.pk: row.errors for row in answer.context["form"].rows}
    assert errors == {
        opening.pk: ["4 of TEA were asked for and 1 are available."],
        mug.movements.get().pk: [],
    }
    assert not StockMovement.objects.filter(reason="reversal").exists()
    both = opened(admin_client, [opening, sale], "reverse")
    assert "4 → 0 (reversal)" in told(sent(admin_client, both, REVERSE, {}))[0]


def test_a_leg_of_a_transfer_is_left_out(admin_client, mug):
    LocationFactory(code="outlet")
    operations.transfer_stock(sku="MUG", from_location="main", to_location="outlet", quantity=2)
    page = opened(admin_client, StockMovement.objects.all(), "reverse")
    assert len(page.context["form"].rows) == 1
    assert "what is part of a transfer (reverse that)" in text_of(page)


# Transfers


def test_transfers_are_brought_back_together(admin_client, mug):
    LocationFactory(code="outlet", name="Outlet")
    rows = [
        operations.transfer_stock(
            sku="MUG", from_location="main", to_location="outlet", quantity=quantity
        )
        for quantity in (2, 3)
    ]
    page = opened(admin_client, rows, "reverse")
    assert cells(page, "Back to") == [("Main 2", 5), ("Main 5", 7)]
    answer = sent(admin_client, page, BRING_BACK, {})
    assert told(answer) == ["3 of MUG: Outlet → Main; 2 of MUG: Outlet → Main."]
    mug.refresh_from_db()
    assert mug.on_hand == 7
    assert Transfer.objects.exclude(reversal_of=None).count() == 2


def test_transfers_whose_units_are_gone_are_refused_together(admin_client, mug):
    outlet = LocationFactory(code="outlet", name="Outlet")
    rows = [
        operations.transfer_stock(
            sku="MUG", from_location="main", to_location="outlet", quantity=quantity
        )
        for quantity in (2, 3)
    ]
    moved(StockLevel.objects.get(location=outlet), -1)
    answer = sent(admin_client, opened(admin_client, rows, "reverse"), BRING_BACK, {})
    assert "are available" in errors_on(answer)["__all__"][0]
    mug.refresh_from_db()
    assert mug.on_hand == 2


# In Spanish


def test_a_spanish_clerk_reads_spanish_of_what_was_taken_back(admin_user, mug):
    client = Client(headers={"Accept-Language": "es"})
    client.force_login(admin_user)
    moved(mug, 5)
    movement = mug.movements.get(sequence=2)
    answer = sent(client, opened(client, [movement], "reverse"), REVERSE, {})
    assert told(answer) == ["MUG en Main: 12 → 7 (reversión)."]
    LocationFactory(code="outlet", name="Outlet")
    transfer = operations.transfer_stock(
        sku="MUG", from_location="main", to_location="outlet", quantity=2
    )
    answer = sent(client, opened(client, [transfer], "reverse"), BRING_BACK, {})
    assert told(answer) == ["2 de MUG: Outlet → Main."]
    assert set(LogEntry.objects.values_list("change_message", flat=True)) == {
        "MUG en Main: 12 → 7 (reversión).",
        "2 de MUG: Outlet → Main.",
    }


def test_a_spanish_clerk_reads_spanish_of_batches_and_reservations(admin_user, mug):
    client = Client(headers={"Accept-Language": "es"})
    client.force_login(admin_user)
    batch, hold = ordered("PO-1", 5), held("ORDER-1", 2)
    answer = sent(client, opened(client, [batch], "receive"), RECEIVE, {})
    assert told(answer) == ["PO-1: 5 recibidas."]
    page = opened(client, [hold], "release")
    assert "2 de MUG" in text_of(page)
    assert told(sent(client, page, RELEASE, {})) == ["ORDER-1: liberada."]


# All of them


def test_a_form_that_names_more_rows_than_it_takes_is_refused(admin_client, mug, monkeypatch):
    rows = [ordered(f"PO-{number}", 5) for number in range(3)]
    page = opened(admin_client, rows, "receive")
    monkeypatch.setattr(BatchesReceipt, "most", 2)
    answer = sent(admin_client, page, RECEIVE, {})
    sentence = "Select at most 2 at once: search or filter for fewer. Nothing was done."
    assert errors_on(answer) == {"__all__": [sentence]}
    assert not Batch.objects.exclude(received_quantity=0).exists()


@pytest.mark.parametrize("kind", ["batch", "reservation", "stockmovement", "transfer"])
def test_the_same_page_sent_twice_is_applied_once_and_needs_its_permission(admin_client, mug, kind):
    LocationFactory(code="outlet")
    rows, action, address, permission = {
        "batch": lambda: ([ordered("PO", 3)], "receive", RECEIVE, "receive_batch"),
        "reservation": lambda: ([held("ORDER", 3)], "release", RELEASE, "release_reservation"),
        "stockmovement": lambda: ([mug.movements.get()], "reverse", REVERSE, "reverse_movement"),
        "transfer": lambda: (
            [
                operations.transfer_stock(
                    sku="MUG", from_location="main", to_location="outlet", quantity=2
                )
            ],
            "reverse",
            BRING_BACK,
            "reverse_movement",
        ),
    }[kind]()
    form = filled_in(opened(admin_client, rows, action), STOCK_FORM)
    answers = [admin_client.post(address, form, follow=True) for _ in range(2)]
    assert told(answers[0]) == told(answers[1]) != []
    assert LogEntry.objects.count() == 1
    reader = staff(f"view_{kind}")
    assert reader.post(address, form).status_code == 403
    assert staff(permission, name="blind").post(address, form).status_code == 403
    actions = reader.get(f"/admin/inventory/{kind}/").content.decode()
    assert f"bulk_{action}" not in actions
    clerk = staff(f"view_{kind}", permission, name="other")
    assert f"bulk_{action}" in text_of(clerk.get(f"/admin/inventory/{kind}/"))


@pytest.mark.parametrize("kind", ["batch", "reservation", "stockmovement", "transfer"])
def test_opening_a_page_takes_no_more_queries_for_more_rows(admin_client, kind):
    LocationFactory(code="outlet")

    def queries(count: int, prefix: str) -> int:
        skus = [f"{prefix}-{n}" for n in range(count)]
        levels = [StockLevelFactory(product__sku=sku, on_hand=9) for sku in skus]
        rows = {
            "batch": lambda sku, _: ordered(f"PO-{sku}", 3, sku=sku),
            "reservation": lambda sku, _: held(f"ORDER-{sku}", 3, sku=sku),
            "stockmovement": lambda _, level: level.movements.get(),
            "transfer": lambda sku, _: operations.transfer_stock(
                sku=sku, from_location="main", to_location="outlet", quantity=2
            ),
        }
        made = [rows[kind](sku, level) for sku, level in zip(skus, levels, strict=True)]
        action = {"batch": "receive", "reservation": "release"}.get(kind, "reverse")
        with CaptureQueriesContext(connection) as asked:
            page = opened(admin_client, made, action)
        assert len(page.context["form"].rows) == count
        return len(asked)

    queries(1, "WARM")
    assert queries(2, "FEW") == queries(20, "MANY")
