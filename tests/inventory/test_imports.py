"""Counts, batches and reorder points from files."""

from __future__ import annotations

from datetime import date
from importlib import import_module
from uuid import UUID

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, User

from common.importing import operations as operations_of_files
from common.importing.admin import pages
from common.importing.carrying_on import carry_on
from common.importing.kinds import kinds
from common.importing.models import Import
from common.observability.context import acting_as
from inventory import operations
from inventory.imports.counts import movement_made
from inventory.models import Batch, StockLevel, StockMovement
from inventory.operations.ledger import Ledger
from inventory.rules import Change
from inventory.verification import verify
from tests.back_office import staff
from tests.common.importing.files import (
    applied,
    as_csv,
    checked,
    exported,
    problems_of,
    read,
    rows_of_file,
    undone,
)
from tests.factories import LocationFactory, ProductFactory, StockLevelFactory

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

GROUPS = ("Catalogue editor", "Warehouse clerk", "Purchasing", "Auditor", "Administrator")
ODD = ["-MUG", "0042", "A/B.C_D", "1E5", "MUG"]


@pytest.fixture
def mug() -> StockLevel:
    return StockLevelFactory(product__sku="MUG", on_hand=7)


@pytest.fixture
def ana() -> None:
    """She applies files, and may receive what is here already."""
    staff("receive_batch", name="ana")


def on_hand(sku: str, code: str = "main") -> int:
    return StockLevel.objects.get(product__sku=sku, location__code=code).on_hand


def ledger_is_right() -> bool:
    return not [difference for step in verify() for difference in step.differences]


# Counts


def test_counts_become_movements_of_the_person_who_applied_them(mug):
    StockLevelFactory(product__sku="CUP", on_hand=3)
    file = checked("counts", as_csv(["sku", "counted"], ["MUG", 5], ["CUP", 3], ["mug ", ""]))
    assert problems_of(file) == {4: [("sku", "MUG main stands in row 2 already.")]}
    file = checked("counts", as_csv(["sku", "counted"], ["MUG", 5], ["CUP", 3]))
    assert rows_of_file(file)[0].differences == [["on_hand", "7", "5"]]
    applied(file)
    assert on_hand("MUG") == 5
    movement = StockMovement.objects.get(reason="count")
    assert (movement.delta, movement.actor) == (-2, "ana")
    assert (movement.reference, movement.note) == (f"import:{file.pk}", "rows.csv, 2")
    assert ledger_is_right()


def test_a_product_without_stock_is_counted_where_it_is_found():
    ProductFactory(sku="NEW")
    LocationFactory(code="shelf")
    content = as_csv(["sku", "location", "counted"], ["NEW", "shelf", 4], ["NEW", "main", 0])
    file = checked("counts", content)
    assert file.figures == {"new": 1, "same": 1}
    applied(file)
    assert on_hand("NEW", "shelf") == 4
    assert StockMovement.objects.get().reason == "count"
    assert ledger_is_right()


def test_stock_that_moved_since_the_sheet_was_made_is_told(mug):
    head = ["sku", "on_hand", "counted"]
    told = problems_of(checked("counts", as_csv(head, ["MUG", 9, 8])))
    assert told == {2: [("on_hand", "It was 9 when the file was made, and is 7 now: count again.")]}
    assert problems_of(checked("counts", as_csv(head, ["MUG", 9, 7]))) == {}


def test_stock_that_moves_after_the_check_is_not_overwritten(mug):
    file = checked("counts", as_csv(["sku", "counted"], ["MUG", 5]))
    operations.adjust_stock(changes=[Change(product_id=mug.product_id, delta=-1)])
    file = applied(file)
    assert file.figures == {"change": 1, "refused": 1}
    assert "changed since the file was checked" in problems_of(file)[2][0][1]
    assert on_hand("MUG") == 6


def test_counts_below_what_is_promised_and_of_unknown_things_are_wrong(mug):
    StockLevel.objects.filter(pk=mug.pk).update(reserved=4)
    head = ["sku", "location", "counted"]
    content = as_csv(head, ["MUG", "main", 3], ["MUG", "moon", 3], ["NIX", "main", -3])
    told = problems_of(checked("counts", content))
    assert told[2] == [("counted", "4 are promised to orders: release some of those first.")]
    assert told[3] == [("location", "There is no location “moon”.")]
    assert [column for column, _ in told[4]] == ["counted"]


def test_an_import_of_counts_is_undone_by_opposite_movements(mug):
    StockLevelFactory(product__sku="CUP", on_hand=3)
    file = applied(checked("counts", as_csv(["sku", "counted"], ["MUG", 5], ["CUP", 9])))
    cup = StockLevel.objects.get(product__sku="CUP")
    operations.adjust_stock(changes=[Change(product_id=cup.product_id, delta=-8)])
    file = undone(file)
    assert (file.figures["undone"], file.figures["kept"]) == (1, 1)
    assert on_hand("MUG") == 7
    assert on_hand("CUP") == 1
    opposite = StockMovement.objects.get(reason="reversal")
    assert (opposite.delta, opposite.actor) == (2, "eve")
    assert "are available" in problems_of(file)[3][0][1]
    operations.adjust_stock(changes=[Change(product_id=cup.product_id, delta=8)])
    file = undone(file)
    assert file.figures["undone"] == 2
    assert on_hand("CUP") == 3
    assert ledger_is_right()


def test_the_movement_made_is_the_last_of_the_level_though_ids_fall(mug, monkeypatch):
    falling = iter([UUID(int=3), UUID(int=2), UUID(int=1)])
    monkeypatch.setattr(Ledger, "_next_id", lambda _ledger: next(falling))
    with acting_as("ana", "one-request"):
        for delta in (1, 2, 3):
            operations.adjust_stock(changes=[Change(product_id=mug.product_id, delta=delta)])
        assert movement_made(mug.product_id, "main") == {"movement": str(UUID(int=1))}


# Batches


def test_batches_are_ordered_changed_and_received_at_once(mug, ana):
    operations.create_batch(reference="PO-1", quantity=5, sku="MUG", eta=date(2030, 1, 1))
    head = ["reference", "sku", "quantity", "eta"]
    content = as_csv(
        head,
        ["PO-1", "MUG", 8, "2030-02-01"],
        ["PO-2", "MUG", 4, ""],
        ["PO-3", "MUG", 6, "2030-03-01"],
    )
    file = checked("batches", content)
    assert file.figures == {"change": 1, "new": 2}
    applied(file)
    batch = Batch.objects.get(reference="PO-1")
    assert (batch.quantity, batch.eta) == (8, date(2030, 2, 1))
    level = StockLevel.objects.get(pk=mug.pk)
    assert (level.on_hand, level.incoming) == (11, 14)
    assert checked("batches", content).figures == {"same": 3}
    assert ledger_is_right()


def test_a_batch_stays_what_it_is(mug):
    LocationFactory(code="shelf")
    StockLevelFactory(product__sku="CUP")
    operations.create_batch(reference="PO-1", quantity=5, sku="MUG", eta=date(2030, 1, 1))
    operations.create_batch(reference="PO-2", quantity=5, sku="MUG")
    head = ["reference", "sku", "location", "quantity", "eta"]
    content = as_csv(
        head,
        ["PO-1", "CUP", "shelf", 5, ""],
        ["PO-2", "MUG", "main", 6, ""],
        ["PO-3", "MUG", "main", 6, "1.2.2030"],
    )
    told = problems_of(checked("batches", content))
    assert [column for column, _ in told[2]] == ["sku", "location", "eta"]
    assert told[3] == [("", "Nothing more is to come of this batch: it stays as it is.")]
    assert told[4] == [("eta", "“1.2.2030” is no date like 2026-11-24.")]


@pytest.mark.parametrize("permission", [None, "add_batch"], ids=["nobody", "a buyer"])
def test_who_may_not_receive_puts_nothing_on_the_shelf_by_a_file(mug, permission):
    if permission:
        staff(permission, name="ana")
    head = ["reference", "sku", "quantity", "eta"]
    content = as_csv(head, ["PO-1", "MUG", 4, ""], ["PO-2", "MUG", 6, "2030-03-01"])
    file = applied(checked("batches", content))
    told = "You may not do all that these rows would do. Ask somebody who may."
    assert problems_of(file) == {2: [("eta", told)]}
    assert (file.figures["applied"], file.figures["refused"]) == (1, 1)
    assert on_hand("MUG") == 7
    assert Batch.objects.get().reference == "PO-2"


def test_an_import_of_batches_is_undone(mug, ana):
    operations.create_batch(reference="PO-1", quantity=5, sku="MUG", eta=date(2030, 1, 1))
    head = ["reference", "sku", "quantity", "eta"]
    content = as_csv(
        head,
        ["PO-1", "MUG", 8, "2030-02-01"],
        ["PO-2", "MUG", 4, ""],
        ["PO-3", "MUG", 6, "2030-03-01"],
        ["PO-4", "MUG", 6, "2030-03-01"],
    )
    file = applied(checked("batches", content))
    operations.receive_batch(batch_id=Batch.objects.get(reference="PO-4").pk, quantity=1)
    file = undone(file)
    assert (file.figures["undone"], file.figures["kept"]) == (3, 1)
    assert problems_of(file) == {5: [("quantity", "Some of it has arrived since.")]}
    batch = Batch.objects.get(reference="PO-1")
    assert (batch.quantity, batch.eta) == (5, date(2030, 1, 1))
    assert Batch.objects.get(reference="PO-3").status == "cancelled"
    assert on_hand("MUG") == 8
    assert ledger_is_right()


def test_who_may_not_reverse_takes_nothing_off_the_shelf_by_undoing_a_file(mug, ana):
    head = ["reference", "sku", "quantity", "eta"]
    content = as_csv(head, ["PO-1", "MUG", 4, ""], ["PO-2", "MUG", 6, "2030-03-01"])
    file = applied(checked("batches", content))
    buyer = in_group("Purchasing", "buyer")
    assert pages.may_undo(buyer, file)
    file = undone(file, actor="buyer")
    told = "You may not do all that these rows would do. Ask somebody who may."
    assert problems_of(file) == {2: [("", told)]}
    assert on_hand("MUG") == 11
    assert Batch.objects.get(reference="PO-2").status == "cancelled"
    assert undone(file).figures["undone"] == 2
    assert on_hand("MUG") == 7
    assert ledger_is_right()


def test_who_may_no_longer_change_batches_when_it_is_done_cancels_none(mug):
    head = ["reference", "sku", "quantity", "eta"]
    file = applied(checked("batches", as_csv(head, ["PO-1", "MUG", 6, "2030-03-01"])))
    in_group("Purchasing", "buyer")
    operations_of_files.start_undoing(import_id=file.pk, actor="buyer")
    User.objects.filter(username="buyer").update(is_active=False)
    carry_on(file.pk, seconds=60)
    assert read(file).figures["kept"] == 1
    assert Batch.objects.get().status == "incoming"


@pytest.mark.parametrize("kind", ["batches", "reorder-points", "products", "counts"])
def test_each_group_that_applies_a_file_may_undo_it(kind):
    """Otherwise nobody of the five could take back what they brought in by mistake."""
    file = Import(kind=kind, figures={"new": 1, "change": 1})
    people = [in_group(group, group) for group in GROUPS]
    able = [user for user in people if pages.may_apply(user, file)]
    assert able
    assert [user for user in people if pages.may_undo(user, file)] == able


def in_group(group: str, name: str) -> User:
    import_module("inventory.migrations.0015_groups").make_groups(apps, None)
    user = User.objects.create_user(name, is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    return user


# Reorder points


def test_reorder_points_are_set_and_undone(mug):
    operations.set_reorder_settings(
        stock_level_id=mug.pk, changes={"reorder_point": 3, "safety_stock": 2}
    )
    head = ["sku", "reorder_point", "reorder_quantity"]
    content = as_csv(head, ["MUG", "", 50], ["NIX", 1, 1])
    file = checked("reorder-points", content)
    assert problems_of(file) == {3: [("sku", "There is no product with the SKU NIX.")]}
    file = applied(file, leaves_out_wrong=True)
    mug.refresh_from_db()
    assert (mug.reorder_point, mug.reorder_quantity, mug.safety_stock) == (None, 50, 2)
    undone(file)
    mug.refresh_from_db()
    assert (mug.reorder_point, mug.reorder_quantity) == (3, None)


def test_reorder_points_that_somebody_has_set_since_stay(mug):
    file = checked("reorder-points", as_csv(["sku", "reorder_point"], ["MUG", 5]))
    operations.adjust_stock(changes=[Change(product_id=mug.product_id, delta=-1)])
    file = applied(file)
    assert file.figures["applied"] == 1  # a sale is no change of settings
    operations.set_reorder_settings(stock_level_id=mug.pk, changes={"reorder_point": 9})
    file = undone(file)
    assert problems_of(file) == {2: [("reorder_point", "Somebody has changed it since.")]}
    mug.refresh_from_db()
    assert mug.reorder_point == 9


# All of them


@pytest.mark.parametrize("form", ["csv", "xlsx"])
@pytest.mark.parametrize("kind", ["counts", "batches", "reorder-points"])
def test_what_is_exported_and_imported_again_changes_nothing(kind, form):
    for number, sku in enumerate(ODD):
        place = LocationFactory(code=f"-{number}.x")
        StockLevelFactory(
            product__sku=sku,
            location=place,
            on_hand=number,
            reorder_point=number or None,
            reorder_quantity=None if number else 7,
        )
        eta = date(2030, 1, 1) if number % 2 else None
        operations.create_batch(
            reference=f"=1+{number};'\n“x”", quantity=3, sku=sku, location=place.code, eta=eta
        )
    file = checked(kind, exported(kind, form))
    assert problems_of(file) == {}
    assert file.figures == {"same": len(ODD)}


@pytest.mark.parametrize("kind", ["counts", "batches", "reorder-points"])
def test_judging_takes_the_same_queries_for_any_number_of_rows(
    kind, mug, django_assert_num_queries
):
    said = {"counts": {"counted": 2}, "batches": {"quantity": 2}, "reorder-points": {}}[kind]
    rows = [{"sku": "MUG", "location": "main", "reference": f"PO-{n}"} | said for n in range(40)]
    if kind != "batches":
        rows = [{name: row[name] for name in row if name != "reference"} for row in rows]
    for some in (rows[:1], rows):
        with django_assert_num_queries(4 if kind == "batches" else 3):
            kinds[kind].judge([dict(row) for row in some])
