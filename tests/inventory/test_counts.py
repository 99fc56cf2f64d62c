"""Count sheets: made, filled in by several people, applied to the stock."""

from __future__ import annotations

from typing import Any

import pytest

from common.errors import Invalid, NotFound
from common.events.models import Event
from common.ids import new_id
from common.observability.context import acting_as
from inventory import operations
from inventory.models import CountLine, CountSheet, StockLevel
from inventory.operations import Entry, Selection, Settlement
from inventory.rules.counts import How
from inventory.verification import verify
from products.operations import delete_product
from tests.factories import (
    CategoryFactory,
    CountSheetFactory,
    LocationFactory,
    ProductFactory,
    StockLevelFactory,
)
from tests.inventory.counts import applied, counted, ledger, line_of
from tests.inventory.promise_pages import held, past_its_time
from tests.inventory.stock_pages import moved

pytestmark = pytest.mark.django_db


@pytest.fixture
def mug() -> StockLevel:
    return StockLevelFactory(product__sku="MUG", on_hand=12)


@pytest.fixture
def pen() -> StockLevel:
    return StockLevelFactory(product__sku="PEN", on_hand=5)


def skus(sheet: CountSheet) -> list[str]:
    rows = sheet.lines.order_by("stock_level__product__sku")
    return list(rows.values_list("stock_level__product__sku", flat=True))


def opened(**selection: Any) -> CountSheet:
    return CountSheetFactory(selection=Selection(**selection))


# Making a sheet


def test_a_sheet_has_what_is_on_hand_when_it_is_made(mug, pen, django_assert_num_queries):
    moved(mug, -2)
    StockLevelFactory(product=pen.product, location=LocationFactory(), on_hand=99)
    with acting_as("ana"), django_assert_num_queries(4):
        sheet = operations.open_sheet(name="Shelves", location="main", scope="Everything")
    assert (sheet.name, sheet.actor, sheet.scope, sheet.status) == (
        "Shelves",
        "ana",
        "Everything",
        "open",
    )
    assert skus(sheet) == ["MUG", "PEN"]
    line = line_of(sheet, mug)
    assert (line.expected, line.seen_sequence, line.counted) == (10, 2, None)


def test_lines_are_chosen_by_category_sku_words_and_stock(mug, pen):
    shelf = CategoryFactory()
    below = CategoryFactory(parent=CategoryFactory(parent=shelf))
    StockLevelFactory(product__sku="INK", product__category=below, product__name="Blue ink")
    StockLevelFactory(product__sku="LOW", product__category=shelf, on_hand=1, reorder_point=2)
    delete_product(product_id=StockLevelFactory(product__category=shelf).product_id)
    assert skus(opened(category_id=shelf.pk)) == ["INK", "LOW"]
    assert skus(opened(skus=["mug", "LOW"])) == ["LOW", "MUG"]
    assert skus(opened(text="blue")) == ["INK"]
    assert skus(opened(stock="low")) == ["LOW"]
    assert skus(opened(stock="out")) == ["INK"]
    assert skus(opened(stock="in")) == ["LOW", "MUG", "PEN"]
    assert skus(opened(stock="in", category_id=shelf.pk)) == ["LOW"]


@pytest.mark.parametrize(
    ("selection", "sentence"),
    [
        (Selection(skus=["MUG", "CUP", "JAR"]), "Not stocked at Main: CUP, JAR. Leave them out"),
        (Selection(stock="out"), "Nothing like that is stocked at Main."),
    ],
    ids=["unknown_skus", "nothing"],
)
def test_a_sheet_that_cannot_be_made_is_refused_and_nothing_is_written(mug, selection, sentence):
    with pytest.raises(Invalid) as refusal:
        operations.open_sheet(name="Shelves", location="main", selection=selection)
    assert refusal.value.detail.startswith(sentence)
    assert not CountSheet.objects.exists()


def test_a_sheet_of_too_many_lines_is_refused_with_advice(mug, pen, monkeypatch):
    monkeypatch.setattr("inventory.operations.sheets.MOST_LINES", 1)
    with pytest.raises(Invalid) as refusal:
        operations.open_sheet(name="Shelves", location="main")
    assert "at most 1 lines" in refusal.value.detail
    assert "Make one for each category" in refusal.value.detail
    assert not CountSheet.objects.exists()
    assert not CountLine.objects.exists()


def test_a_sheet_needs_a_location_that_exists(mug):
    with pytest.raises(NotFound):
        operations.open_sheet(name="Shelves", location="nowhere")


# Adding what was found and is not on it


def test_a_product_that_is_not_on_the_sheet_is_added_with_what_is_there(mug, pen):
    sheet = opened(skus=["MUG"])
    line = operations.add_line(sheet_id=sheet.pk, product_id=pen.product_id)
    assert (line.stock_level_id, line.expected, line.seen_sequence) == (pen.pk, 5, 1)
    assert operations.add_line(sheet_id=sheet.pk, product_id=pen.product_id) == line
    assert skus(sheet) == ["MUG", "PEN"]


def test_a_product_that_was_never_stocked_there_is_stocked_with_nothing(mug):
    sheet = CountSheetFactory()
    ink = ProductFactory(sku="INK")
    line = operations.add_line(sheet_id=sheet.pk, product_id=ink.pk)
    assert (line.expected, line.seen_sequence) == (0, 0)
    counted(sheet, line.stock_level, 3)
    applied(sheet, line.stock_level)
    assert ink.stock_levels.get().on_hand == 3
    assert Event.objects.filter(type="stock.changed", data__reason="opened").count() == 1


@pytest.mark.parametrize("is_deleted", [True, False])
def test_a_product_that_does_not_exist_is_not_added(mug, pen, is_deleted):
    sheet = CountSheetFactory()
    delete_product(product_id=pen.product_id)
    with pytest.raises(NotFound):
        operations.add_line(
            sheet_id=sheet.pk, product_id=pen.product_id if is_deleted else new_id()
        )


# Counting


def test_what_is_counted_says_who_and_when(mug):
    sheet = CountSheetFactory()
    counted(sheet, mug, 11, note="One broken")
    line = line_of(sheet, mug)
    assert (line.counted, line.counted_by, line.note, line.difference) == (
        11,
        "bea",
        "One broken",
        -1,
    )
    assert line.counted_at is not None
    counted(sheet, mug, None)
    line.refresh_from_db()
    assert (line.counted, line.counted_by, line.counted_at) == (None, "", None)


def test_the_last_word_wins_and_whoever_overwrites_is_told(mug, pen):
    sheet = CountSheetFactory()
    seen = line_of(sheet, mug)
    counted(sheet, mug, 10)
    counted(sheet, pen, 4)
    entries = [Entry(seen.pk, 11, seen_version=seen.version)]
    with acting_as("cleo"):
        (recorded,) = operations.record_counts(sheet_id=sheet.pk, entries=entries)
    assert (recorded.line.counted, recorded.before, recorded.before_by) == (11, 10, "bea")
    assert recorded.was_changed_meanwhile
    assert line_of(sheet, mug).counted_by == "cleo"
    assert line_of(sheet, pen).counted == 4


def test_the_same_entry_twice_is_one(mug):
    sheet = CountSheetFactory()
    entry = Entry(line_of(sheet, mug).pk, 11, seen_version=1)
    for _ in range(2):
        (recorded,) = operations.record_counts(sheet_id=sheet.pk, entries=[entry])
    assert recorded.line.version == 2
    assert not recorded.was_changed_meanwhile


def test_each_scan_counts_one(mug):
    sheet = CountSheetFactory()
    for _ in range(3):
        line = operations.add_to_count(sheet_id=sheet.pk, line_id=line_of(sheet, mug).pk)
    assert line.counted == 3


def test_a_line_of_another_sheet_is_not_found(mug):
    sheet, other = CountSheetFactory(), CountSheetFactory()
    entries = [Entry(line_of(other, mug).pk, 1)]
    with pytest.raises(NotFound):
        operations.record_counts(sheet_id=sheet.pk, entries=entries)
    with pytest.raises(NotFound):
        operations.apply_lines(sheet_id=sheet.pk, settlements=[Settlement(line_of(other, mug).pk)])


# Applying


def test_applied_lines_are_counts_in_the_ledger_with_the_sheet_and_the_note(mug, pen):
    sheet = CountSheetFactory(name="November")
    counted(sheet, mug, 10, note="Two broken")
    counted(sheet, pen, 6)
    applied(sheet, mug, pen)
    assert ledger(mug) == [(-2, 10, "count")]
    assert ledger(pen) == [(1, 6, "count")]
    movement = mug.movements.latest("sequence")
    assert (movement.reference, movement.note, movement.actor) == ("November", "Two broken", "ana")
    assert line_of(sheet, mug).movement == movement


def test_a_difference_of_zero_is_in_the_ledger_and_told_to_nobody(mug, pen):
    sheet = CountSheetFactory()
    counted(sheet, mug, 12)
    counted(sheet, pen, 4)
    Event.objects.all().delete()
    applied(sheet, mug, pen)
    assert ledger(mug) == [(0, 12, "count")]
    (event,) = Event.objects.filter(type="stock.changed")
    assert event.data["sku"] == "PEN"
    assert [one for step in verify() for one in step.differences] == []


def test_some_lines_are_applied_and_the_others_wait(mug, pen):
    sheet = CountSheetFactory()
    counted(sheet, mug, 10)
    counted(sheet, pen, 6)
    applied(sheet, mug)
    assert ledger(pen) == []
    sheet.refresh_from_db()
    assert sheet.status == "open"
    applied(sheet, pen)
    sheet.refresh_from_db()
    assert sheet.status == "closed"


def test_a_level_that_has_moved_is_not_set_until_somebody_says_how(mug):
    sheet = CountSheetFactory()
    counted(sheet, mug, 11)
    moved(mug, -3)
    (settled,) = applied(sheet, mug)
    assert settled.refusal.code == "stale_quantity"
    assert (settled.refusal.meta["expected"], settled.refusal.meta["current"]) == (12, 9)
    assert ledger(mug) == [(-3, 9, "sale")]


@pytest.mark.parametrize(("how", "after", "delta"), [(How.DIFFERENCE, 8, -1), (How.ANYWAY, 11, 2)])
def test_a_level_that_has_moved_takes_the_difference_or_is_set_anyway(mug, how, after, delta):
    sheet = CountSheetFactory()
    counted(sheet, mug, 11)
    moved(mug, -3)
    (settled,) = applied(sheet, mug, how=how)
    assert settled.refusal is None
    assert ledger(mug)[1:] == [(delta, after, "count")]
    mug.refresh_from_db()
    assert mug.on_hand == after


def test_units_that_left_and_came_back_are_a_movement_too(mug):
    sheet = CountSheetFactory()
    counted(sheet, mug, 12)
    moved(mug, -3, 3)
    assert applied(sheet, mug)[0].refusal.code == "stale_quantity"


def test_a_line_is_applied_once(mug):
    sheet = CountSheetFactory()
    counted(sheet, mug, 10)
    applied(sheet, mug)
    (again,) = applied(sheet, mug)
    assert again.was_settled
    assert ledger(mug) == [(-2, 10, "count")]


def test_what_cannot_be_applied_is_refused_and_the_others_are_applied(mug, pen):
    ink = StockLevelFactory(product__sku="INK", on_hand=5)
    gone = StockLevelFactory(product__sku="OLD", on_hand=1)
    sheet = CountSheetFactory()
    held("ORDER-1", 4)
    counted(sheet, mug, 3)
    counted(sheet, pen, 2)
    moved(pen, -4)
    counted(sheet, gone, 0)
    delete_product(product_id=gone.product_id)
    applied_lines = applied(sheet, mug, pen, gone, how=How.DIFFERENCE)
    codes = [one.refusal.code for one in applied_lines]
    assert codes == ["below_reserved", "invalid", "not_found"]
    assert "ORDER-1 (4)" in applied_lines[0].refusal.detail
    assert "3 fewer than 1 cannot be on hand" in applied_lines[1].refusal.detail
    (uncounted,) = applied(sheet, ink)
    assert uncounted.refusal.detail == "Nobody has counted it yet."
    counted(sheet, ink, 6)
    mixed = applied(sheet, mug, ink)
    assert [one.refusal is None for one in mixed] == [False, True]
    assert ledger(mug) == []
    assert ledger(ink) == [(1, 6, "count")]


def test_a_count_below_what_is_reserved_takes_the_latest_promises_back(mug):
    sheet = CountSheetFactory()
    held("FIRST", 3)
    held("SECOND", 4)
    counted(sheet, mug, 5)
    (settled,) = applied(sheet, mug, release_latest=True)
    assert settled.refusal is None
    mug.refresh_from_db()
    assert (mug.on_hand, mug.reserved) == (5, 5)


def test_holds_past_their_time_are_not_in_the_way(mug):
    sheet = CountSheetFactory()
    past_its_time(held("LATE", 6))
    counted(sheet, mug, 2)
    (settled,) = applied(sheet, mug)
    assert settled.refusal is None
    mug.refresh_from_db()
    assert (mug.on_hand, mug.reserved) == (2, 0)


def test_who_is_still_in_the_way_without_them_is_named(mug):
    sheet = CountSheetFactory()
    past_its_time(held("LATE", 3))
    held("ORDER-1", 4)
    counted(sheet, mug, 2)
    (settled,) = applied(sheet, mug)
    assert "4 are promised to open reservations: ORDER-1 (4)." in settled.refusal.detail
    assert [hold["order_reference"] for hold in settled.refusal.meta["holds"]] == ["ORDER-1"]


def test_a_count_that_changed_since_it_was_seen_is_not_applied(mug):
    sheet = CountSheetFactory()
    counted(sheet, mug, 10)
    seen = line_of(sheet, mug)
    counted(sheet, mug, 8)
    wanted = Settlement(seen.pk, How.SET, seen.version)
    (settled,) = operations.apply_lines(sheet_id=sheet.pk, settlements=[wanted])
    assert settled.refusal.detail == "The count was changed meanwhile: it is 8 now."
    assert ledger(mug) == []


def test_an_applied_line_stays_as_it_is(mug, pen):
    sheet = CountSheetFactory()
    counted(sheet, mug, 10)
    applied(sheet, mug)
    entries = [Entry(line_of(sheet, mug).pk, 99)]
    (recorded,) = operations.record_counts(sheet_id=sheet.pk, entries=entries)
    assert recorded.is_late
    assert line_of(sheet, mug).counted == 10
    with pytest.raises(Invalid):
        operations.add_to_count(sheet_id=sheet.pk, line_id=line_of(sheet, mug).pk)


def test_a_note_for_all_stands_where_a_line_has_none(mug, pen):
    sheet = CountSheetFactory()
    counted(sheet, mug, 10, note="Two broken")
    counted(sheet, pen, 4)
    applied(sheet, mug, pen, note="Yearly count")
    notes = [level.movements.latest("sequence").note for level in (mug, pen)]
    assert notes == ["Two broken", "Yearly count"]


# Closing


def test_on_a_closed_sheet_nothing_is_counted_added_or_applied(mug, pen):
    sheet = opened(skus=["MUG"])
    counted(sheet, mug, 10)
    for _ in range(2):
        assert operations.close_sheet(sheet_id=sheet.pk).status == "closed"
    attempts = [
        lambda: counted(sheet, mug, 9),
        lambda: operations.add_to_count(sheet_id=sheet.pk, line_id=line_of(sheet, mug).pk),
        lambda: operations.add_line(sheet_id=sheet.pk, product_id=pen.product_id),
        lambda: applied(sheet, mug),
    ]
    for attempt in attempts:
        with pytest.raises(Invalid, match="This sheet is closed"):
            attempt()
    assert ledger(mug) == []


def test_a_sheet_that_does_not_exist_is_not_found(db):
    for operation, given in [
        (operations.close_sheet, {}),
        (operations.record_counts, {"entries": []}),
        (operations.apply_lines, {"settlements": []}),
    ]:
        with pytest.raises(NotFound):
            operation(sheet_id=new_id(), **given)


@pytest.mark.parametrize("lines", [1, 12])
def test_applying_takes_as_many_queries_for_many_lines_as_for_one(
    lines, django_assert_max_num_queries
):
    levels = [StockLevelFactory(on_hand=5) for _ in range(lines)]
    sheet = CountSheetFactory()
    for level in levels:
        counted(sheet, level, 4)
    wanted = [Settlement(line_of(sheet, level).pk) for level in levels]
    with django_assert_max_num_queries(10):
        operations.apply_lines(sheet_id=sheet.pk, settlements=wanted)
