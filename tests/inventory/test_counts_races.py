"""Several people at one count sheet, and customers beside them."""

from __future__ import annotations

from threading import Barrier

import pytest
from django.db import connection

from inventory.models import CountLine, CountSheet, StockLevel
from inventory.operations import (
    Settlement,
    add_to_count,
    adjust_stock,
    apply_lines,
    close_sheet,
    open_sheet,
)
from inventory.rules import Change
from inventory.rules.counts import How
from tests.factories import CountSheetFactory, StockLevelFactory
from tests.inventory.counts import counted, ledger, line_of
from tests.racing import race

pytestmark = [pytest.mark.slow, pytest.mark.concurrency, pytest.mark.django_db(transaction=True)]

WORKERS = 6


@pytest.fixture
def mug() -> StockLevel:
    return StockLevelFactory(product__sku="MUG", on_hand=100)


def the_ledger_is_whole(level: StockLevel) -> bool:
    level.refresh_from_db()
    rows = list(level.movements.order_by("sequence").values_list("sequence", "delta"))
    total = sum(delta for _, delta in rows)
    return [one for one, _ in rows] == [*range(1, len(rows) + 1)] and level.on_hand == total


def sell(level: StockLevel) -> object:
    return adjust_stock(changes=[Change(product_id=level.product_id, delta=-1)])


def without_locks(monkeypatch) -> None:
    """Everybody reads the lines before anybody has applied them."""
    everyone_has_read = Barrier(WORKERS, timeout=10)

    def read(sheet_id, line_ids):
        lines = {line.pk: line for line in CountLine.objects.filter(pk__in=line_ids)}
        everyone_has_read.wait()
        return lines

    for module in ("settling", "counts"):
        monkeypatch.setattr(f"inventory.operations.{module}.locked_lines", read)
    monkeypatch.setattr(
        "inventory.operations.settling.locked_sheet",
        lambda sheet_id: CountSheet.objects.get(pk=sheet_id),
    )


def apply_by_all(sheet: CountSheet, level: StockLevel) -> list[object]:
    wanted = [Settlement(line_of(sheet, level).pk, How.DIFFERENCE)]
    return race(lambda _: apply_lines(sheet_id=sheet.pk, settlements=wanted), WORKERS)


def test_a_line_that_many_apply_at_once_is_booked_once(mug):
    sheet = CountSheetFactory()
    counted(sheet, mug, 97)
    outcomes = apply_by_all(sheet, mug)
    assert sum(one[0].was_settled for one in outcomes) == WORKERS - 1
    assert ledger(mug) == [(-3, 97, "count")]
    assert the_ledger_is_whole(mug)


def test_without_the_locks_it_is_booked_by_each_of_them(mug, monkeypatch):
    """Negative control: if this fails, the test above proves nothing."""
    sheet = CountSheetFactory()
    counted(sheet, mug, 97)
    without_locks(monkeypatch)
    apply_by_all(sheet, mug)
    assert len(ledger(mug)) > 1


def test_a_difference_and_sales_at_the_same_time_both_count(mug):
    sheet = CountSheetFactory()
    counted(sheet, mug, 97)
    wanted = [Settlement(line_of(sheet, mug).pk, How.DIFFERENCE)]

    def act(number):
        if number:
            return sell(mug)
        return apply_lines(sheet_id=sheet.pk, settlements=wanted)

    outcomes = race(act, WORKERS)
    assert not [one for one in outcomes if isinstance(one, Exception)]
    assert the_ledger_is_whole(mug)
    assert mug.on_hand == 100 - (WORKERS - 1) - 3


def test_a_count_never_swallows_a_sale_that_came_before_it(mug):
    """It is set before the first sale, or it is refused."""
    sheet = CountSheetFactory()
    counted(sheet, mug, 97)
    wanted = [Settlement(line_of(sheet, mug).pk)]

    def act(number):
        if number:
            return sell(mug)
        return apply_lines(sheet_id=sheet.pk, settlements=wanted)

    ((settled,), *_) = race(act, WORKERS)
    assert the_ledger_is_whole(mug)
    difference = 0 if settled.refusal else -3
    assert mug.on_hand == 100 - (WORKERS - 1) + difference
    if settled.movement:
        assert settled.movement.sequence == 2


def test_scans_of_many_are_all_counted(mug):
    sheet = CountSheetFactory()
    line = line_of(sheet, mug)
    race(lambda _: add_to_count(sheet_id=sheet.pk, line_id=line.pk), WORKERS)
    line.refresh_from_db()
    assert line.counted == WORKERS


def test_without_the_lock_scans_are_lost(mug, monkeypatch):
    """Negative control for the scans."""
    sheet = CountSheetFactory()
    line = line_of(sheet, mug)
    without_locks(monkeypatch)
    race(lambda _: add_to_count(sheet_id=sheet.pk, line_id=line.pk), WORKERS)
    line.refresh_from_db()
    assert line.counted == 1


def test_sheets_of_the_same_stock_in_opposite_order_do_not_deadlock():
    levels = [StockLevelFactory(on_hand=10) for _ in range(4)]
    sheets = [open_sheet(name=f"Sheet {n}", location="main") for n in range(WORKERS)]
    for sheet in sheets:
        for level in levels:
            counted(sheet, level, 9)

    def apply(number):
        order = levels if number % 2 else levels[::-1]
        wanted = [Settlement(line_of(sheets[number], one).pk, How.ANYWAY) for one in order]
        return apply_lines(sheet_id=sheets[number].pk, settlements=wanted)

    outcomes = race(apply, WORKERS)
    assert not [one for one in outcomes if isinstance(one, Exception)]
    assert all(the_ledger_is_whole(level) and level.on_hand == 9 for level in levels)
    assert not CountSheet.objects.filter(status="open").exists()


def test_a_sheet_is_not_closed_under_somebody_who_counts(mug):
    """Whoever closes waits, and whoever comes later is refused: no number gets in afterwards."""
    sheet = CountSheetFactory()
    line = line_of(sheet, mug)

    def act(number):
        if number:
            return add_to_count(sheet_id=sheet.pk, line_id=line.pk)
        return close_sheet(sheet_id=sheet.pk)

    outcomes = race(act, WORKERS)
    line.refresh_from_db()
    assert (line.counted or 0) == sum(isinstance(one, CountLine) for one in outcomes)
    with connection.cursor() as cursor:
        cursor.execute("SELECT status FROM inventory_countsheet WHERE id = %s", [sheet.pk])
        assert cursor.fetchone() == ("closed",)
