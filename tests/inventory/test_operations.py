"""Writing stock: counters, ledger and events move together, or not at all."""

import pytest
from django.db import Error, IntegrityError, connection, transaction

from common.errors import Duplicate, Invalid, NotFound, VersionMismatch
from common.events.models import Event
from common.observability.context import acting_as
from inventory.errors import (
    AlreadyReversed,
    InsufficientStock,
    LocationInUse,
    PartOfTransfer,
    QuantityLimit,
)
from inventory.models import Location, StockLevel, StockMovement, Transfer
from inventory.operations import (
    adjust_stock,
    change_location,
    create_location,
    delete_location,
    open_inventory,
    reverse_movement,
    reverse_transfer,
    set_reorder_settings,
    transfer_stock,
)
from inventory.rules import MAX_ON_HAND, Change
from products.operations import delete_product
from tests.factories import LocationFactory, ProductFactory, StockLevelFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _someone_acts():
    with acting_as("clerk", "request-1"):
        yield


def take(level: StockLevel, quantity: int, **more) -> None:
    adjust_stock(changes=[Change(product_id=level.product_id, delta=-quantity, **more)])


def figures(level: StockLevel) -> tuple[int, int, int]:
    level.refresh_from_db()
    return level.on_hand, level.movement_count, level.version


def test_a_change_moves_counter_ledger_and_event_together():
    level = StockLevelFactory(product__sku="MUG", on_hand=7)
    take(level, 3, reference="ORDER-1", note="two blue ones")

    assert figures(level) == (4, 2, 3)
    movement = StockMovement.objects.get(sequence=2)
    assert (movement.delta, movement.on_hand_after, movement.reason) == (-3, 4, "sale")
    assert (movement.reference, movement.note) == ("ORDER-1", "two blue ones")
    assert (movement.actor, movement.request_id) == ("clerk", "request-1")
    event = Event.objects.get(request_id="request-1")
    assert (event.type, event.subject_type, event.actor) == ("stock.changed", "inventory", "clerk")
    assert event.subject_id == str(level.product_id)
    assert event.data == {
        "sku": "MUG",
        "location": "main",
        "before": 7,
        "after": 4,
        "movement_id": str(movement.pk),
        "reason": "sale",
        "reference": "ORDER-1",
    }


def test_the_answer_is_what_the_database_holds():
    level = StockLevelFactory(on_hand=7)
    (inventory,) = adjust_stock(changes=[Change(product_id=level.product_id, delta=-3)])
    level.refresh_from_db()
    assert (inventory.quantity, inventory.available) == (4, 4)
    assert inventory.version == level.version
    assert inventory.last_updated == level.updated_at
    assert StockMovement.objects.get(sequence=2).created_at == level.updated_at


def test_a_refused_change_leaves_nothing_behind():
    level = StockLevelFactory(on_hand=2)
    before = figures(level)
    with pytest.raises(InsufficientStock):
        take(level, 3)
    assert figures(level) == before
    assert StockMovement.objects.count() == 1
    assert not Event.objects.filter(request_id="request-1").exists()


def test_several_changes_are_decided_one_after_the_other():
    level = StockLevelFactory(on_hand=5)
    changes = [Change(product_id=level.product_id, delta=delta) for delta in (-4, 6, -7)]
    adjust_stock(changes=changes)
    assert figures(level) == (0, 4, 5)
    ledger = StockMovement.objects.order_by("sequence").values_list("delta", "on_hand_after")
    assert list(ledger) == [(5, 5), (-4, 1), (6, 7), (-7, 0)]


def test_all_changes_or_none_and_every_short_line_is_named():
    mug, pen, cup = (
        StockLevelFactory(product__sku=sku, on_hand=2) for sku in ("MUG", "PEN", "CUP")
    )
    with pytest.raises(InsufficientStock) as refusal:
        adjust_stock(
            changes=[
                Change(product_id=level.product_id, delta=delta)
                for level, delta in ((mug, -3), (pen, -1), (cup, -4))
            ]
        )
    assert [problem.meta["sku"] for problem in refusal.value.problems] == ["MUG", "CUP"]
    assert [figures(level)[0] for level in (mug, pen, cup)] == [2, 2, 2]


def test_a_change_costs_the_same_number_of_statements_for_one_and_for_twenty(
    django_assert_num_queries,
):
    levels = [StockLevelFactory(on_hand=9) for _ in range(20)]
    with django_assert_num_queries(4):  # lock; levels, ledger, events
        take(levels[0], 1)
    with django_assert_num_queries(4):
        adjust_stock(changes=[Change(product_id=one.product_id, delta=-1) for one in levels])


def test_stock_is_taken_from_several_locations_with_a_movement_each():
    level = StockLevelFactory(on_hand=2)
    other = StockLevelFactory(product=level.product, location__code="north", on_hand=5)
    take(level, 4)
    assert (figures(level)[0], figures(other)[0]) == (0, 3)
    assert StockMovement.objects.filter(reason="sale").count() == 2


def test_stock_added_where_the_product_was_never_kept_makes_a_level_there():
    level = StockLevelFactory(on_hand=2)
    LocationFactory(code="north")
    adjust_stock(changes=[Change(product_id=level.product_id, delta=3, location="north")])
    there = StockLevel.objects.get(location__code="north")
    assert (there.on_hand, there.movement_count) == (3, 1)
    assert figures(level)[0] == 2


def test_a_refusal_later_in_the_list_leaves_no_new_level_behind():
    level = StockLevelFactory(on_hand=2)
    LocationFactory(code="north")
    with pytest.raises(InsufficientStock):
        adjust_stock(
            changes=[
                Change(product_id=level.product_id, delta=3, location="north"),
                Change(product_id=level.product_id, delta=-9, location="main"),
            ]
        )
    assert StockLevel.objects.count() == 1


def test_a_product_without_inventory_and_an_unknown_location_are_not_found():
    with pytest.raises(NotFound):
        adjust_stock(changes=[Change(product_id=ProductFactory().pk, delta=1)])
    level = StockLevelFactory(on_hand=2)
    with pytest.raises(NotFound) as refusal:
        take(level, 1, location="nowhere")
    assert refusal.value.attribute == "location"


def test_the_stock_of_a_deleted_product_cannot_be_changed():
    level = StockLevelFactory(on_hand=2)
    delete_product(product_id=level.product_id)
    with pytest.raises(NotFound):
        take(level, 1)


def test_a_version_that_is_not_the_current_one_refuses_the_change():
    level = StockLevelFactory(on_hand=2)
    changes = [Change(product_id=level.product_id, delta=-1)]
    with pytest.raises(VersionMismatch):
        adjust_stock(changes=changes, expected_version=level.version - 1)
    adjust_stock(changes=changes, expected_version=level.version)
    assert figures(level)[0] == 1


def test_past_the_limit_is_a_refusal_and_no_overflow():
    level = StockLevelFactory(on_hand=10**9)
    StockLevel.objects.update(on_hand=MAX_ON_HAND)
    with pytest.raises(QuantityLimit):
        adjust_stock(changes=[Change(product_id=level.product_id, delta=1)])


def test_opening_an_inventory_twice_at_one_place_is_a_duplicate():
    product = ProductFactory()
    opened = open_inventory(product_id=product.pk, quantity=5)
    assert opened.quantity == 5
    with pytest.raises(Duplicate):
        open_inventory(product_id=product.pk, quantity=5)
    LocationFactory(code="north")
    assert open_inventory(sku=product.sku.lower(), quantity=1, location="NORTH").quantity == 6


def test_opening_stock_is_movement_one_and_an_empty_start_is_an_event_only():
    open_inventory(product_id=ProductFactory(sku="MUG").pk, quantity=5)
    open_inventory(product_id=ProductFactory(sku="PEN").pk)
    movement = StockMovement.objects.get()
    assert (movement.sequence, movement.delta, movement.reason) == (1, 5, "receipt")
    assert list(Event.objects.order_by("id").values_list("type", "data__after")) == [
        ("stock.changed", 5),
        ("stock.changed", 0),
    ]


# The database refuses what the code forgot


@pytest.mark.parametrize("statement", ["UPDATE {table} SET delta = 1", "DELETE FROM {table}"])
def test_the_ledger_cannot_be_rewritten(statement):
    StockLevelFactory(on_hand=2)
    rewrite = statement.format(table=StockMovement._meta.db_table)
    with (
        pytest.raises(IntegrityError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(rewrite)


@pytest.mark.parametrize(
    ("columns", "constraint"),
    [
        ({"on_hand": -1}, "check"),
        ({"on_hand": MAX_ON_HAND + 1}, "stock_level_on_hand_limit"),
        ({"reserved": 3}, "stock_level_reserved_on_hand"),
    ],
)
def test_impossible_figures_are_refused_by_the_database(columns, constraint):
    StockLevelFactory(on_hand=2)
    with pytest.raises(Error, match=constraint), transaction.atomic():
        StockLevel.objects.update(**columns)


# Transfers and reversals


def test_a_transfer_is_two_movements_and_the_sum_stays():
    level = StockLevelFactory(on_hand=5)
    LocationFactory(code="north")
    transfer = transfer_stock(
        product_id=level.product_id, from_location="main", to_location="north", quantity=3
    )
    ledger = StockMovement.objects.filter(transfer=transfer).order_by("delta")
    assert list(ledger.values_list("delta", "reason", "location__code")) == [
        (-3, "transfer_out", "main"),
        (3, "transfer_in", "north"),
    ]
    assert sorted(StockLevel.objects.values_list("on_hand", flat=True)) == [2, 3]


def test_a_transfer_of_more_than_there_is_and_one_to_the_same_place_are_refused():
    level = StockLevelFactory(on_hand=5)
    LocationFactory(code="north")
    with pytest.raises(InsufficientStock):
        transfer_stock(
            product_id=level.product_id, from_location="main", to_location="north", quantity=6
        )
    with pytest.raises(Invalid):
        transfer_stock(
            product_id=level.product_id, from_location="main", to_location="MAIN", quantity=1
        )
    assert not Transfer.objects.exists()
    assert StockLevel.objects.count() == 1


def test_a_movement_is_reversed_by_its_opposite_and_only_once():
    level = StockLevelFactory(on_hand=5)
    take(level, 3)
    sale = StockMovement.objects.get(sequence=2)
    opposite = reverse_movement(movement_id=sale.pk, note="wrong order")
    assert (opposite.delta, opposite.reason, opposite.reversal_of_id) == (3, "reversal", sale.pk)
    assert figures(level)[0] == 5
    with pytest.raises(AlreadyReversed):
        reverse_movement(movement_id=sale.pk)
    assert figures(level)[0] == 5


def test_a_receipt_whose_units_are_gone_cannot_be_reversed():
    level = StockLevelFactory(on_hand=5)
    take(level, 3)
    with pytest.raises(InsufficientStock):
        reverse_movement(movement_id=StockMovement.objects.get(sequence=1).pk)
    assert figures(level)[0] == 2


def test_one_leg_of_a_transfer_is_not_reversed_alone_but_the_transfer_is_once():
    level = StockLevelFactory(on_hand=5)
    LocationFactory(code="north")
    transfer = transfer_stock(
        product_id=level.product_id, from_location="main", to_location="north", quantity=3
    )
    with pytest.raises(PartOfTransfer):
        reverse_movement(movement_id=transfer.movements.first().pk)
    back = reverse_transfer(transfer_id=transfer.pk)
    assert (back.from_location.code, back.to_location.code, back.quantity) == ("north", "main", 3)
    assert figures(level)[0] == 5
    with pytest.raises(AlreadyReversed):
        reverse_transfer(transfer_id=transfer.pk)


# Locations and settings


def test_a_location_code_is_kept_in_lower_case_and_taken_once():
    assert create_location(code="North-1", name="North").code == "north-1"
    with pytest.raises(Duplicate):
        create_location(code="NORTH-1", name="Again")


@pytest.mark.parametrize("code", ["", "a b", "ä", "x" * 65, "01a1fd90-5110-71b2-8283-bca603139722"])
def test_a_code_that_could_be_misread_is_refused(code):
    with pytest.raises(Invalid):
        create_location(code=code, name="Somewhere")


def test_only_an_unused_location_can_be_deleted():
    level = StockLevelFactory(location__code="north")
    with pytest.raises(LocationInUse):
        delete_location(location_id=level.location_id)
    empty = LocationFactory()
    delete_location(location_id=empty.pk)
    assert not Location.objects.filter(pk=empty.pk).exists()


@pytest.mark.parametrize("changes", [{"code": "centre"}, {"is_active": False}])
def test_the_default_location_keeps_its_code_and_stays_active(changes):
    main = Location.objects.default()
    with pytest.raises(LocationInUse):
        change_location(location_id=main.pk, changes=changes)
    with pytest.raises(LocationInUse):
        delete_location(location_id=main.pk)
    assert change_location(location_id=main.pk, changes={"name": "Centre"}).name == "Centre"


def test_reorder_settings_raise_the_version_and_move_nothing():
    level = StockLevelFactory(on_hand=5)
    changed = set_reorder_settings(stock_level_id=level.pk, changes={"reorder_point": 3})
    assert (changed.reorder_point, changed.version) == (3, level.version + 1)
    assert figures(level)[:2] == (5, 1)
    again = set_reorder_settings(stock_level_id=level.pk, changes={"reorder_point": 3})
    assert again.version == changed.version
    assert Event.objects.filter(request_id="request-1").count() == 1
