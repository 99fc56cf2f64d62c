"""Whatever goes wrong between counters and ledger, the command tells it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from inventory import verification
from inventory.models import Allocation, Batch, Reservation, ReservationLine, StockLevel
from inventory.operations import Wanted, adjust_stock, create_batch, reserve
from inventory.rules import Change
from tests.factories import LocationFactory, ProductFactory, StockLevelFactory

pytestmark = pytest.mark.django_db


class Terminal(StringIO):
    def isatty(self):
        return True


@pytest.fixture
def mugs() -> StockLevel:
    """Ten mugs came, four times two were sold; and a neighbour on each side that is right."""
    StockLevelFactory(on_hand=3)
    level = StockLevelFactory(product=ProductFactory(sku="MUG"), on_hand=10)
    for _ in range(4):
        adjust_stock(changes=[Change(level.product_id, delta=-2)])
    StockLevelFactory(product=level.product, location=LocationFactory(code="far"), on_hand=1)
    StockLevelFactory(on_hand=3)
    StockLevelFactory()
    level.refresh_from_db()
    return level


def spoil(statement: str, level: StockLevel) -> None:
    """Do to the rows of a level what the triggers would not let anybody do."""
    table = "inventory_stockmovement"
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER stock_movement_append_only")
        cursor.execute(f"{statement} AND stock_level_id = %s", [level.pk])
        assert cursor.rowcount
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER stock_movement_append_only")


def verdict() -> list[list[str]]:
    """What the command prints when it ends with an error; nothing when all is well."""
    output = StringIO()
    try:
        call_command("verify_stock", stdout=output, stderr=StringIO())
    except CommandError:
        assert output.getvalue()
    else:
        assert not output.getvalue()
    return [line.split("\t") for line in output.getvalue().splitlines()]


def line(level: StockLevel, figure: str, expected: object, found: object) -> list[str]:
    return [str(level.pk), "MUG", "main", figure, str(expected), str(found)]


@pytest.fixture(
    params=[pytest.param(few, marks=pytest.mark.slow) for few in (1, 2, 3)] + [20_000],
    ids="{}_at_once".format,
)
def at_once(request, monkeypatch):
    """Wherever the ledger is cut into steps, nothing is overlooked and nothing counted twice."""
    monkeypatch.setattr(verification.ledger, "MOVEMENTS_AT_ONCE", request.param)
    monkeypatch.setattr(verification.ledger, "LEVELS_AT_ONCE", request.param)
    monkeypatch.setattr(verification.promises, "ROWS_AT_ONCE", request.param)


def test_what_the_operations_wrote_is_right(mugs, at_once):
    assert verdict() == []
    assert sum(step.movements for step in verification.verify()) == 8


def test_an_empty_stockroom_is_right():
    assert verdict() == []


def test_more_on_hand_than_the_ledger_explains(mugs, at_once):
    StockLevel.objects.filter(pk=mugs.pk).update(on_hand=9)
    assert verdict() == [line(mugs, "on_hand", 2, 9)]


def test_units_without_any_movement(mugs, at_once):
    level = StockLevelFactory(product=mugs.product, location=LocationFactory(code="attic"))
    StockLevel.objects.filter(pk=level.pk).update(on_hand=1)
    assert verdict() == [[str(level.pk), "MUG", "attic", "on_hand", "0", "1"]]


def test_a_counter_of_movements_that_runs_ahead(mugs, at_once):
    StockLevel.objects.filter(pk=mugs.pk).update(movement_count=10**12)
    assert verdict() == [line(mugs, "movement_count", 5, 10**12)]


def test_a_counter_of_movements_that_lags_behind(mugs, at_once):
    StockLevel.objects.filter(pk=mugs.pk).update(movement_count=4)
    assert verdict() == [line(mugs, "movement_count", 5, 4)]


def test_units_reserved_for_nobody(mugs, at_once):
    StockLevel.objects.filter(pk=mugs.pk).update(reserved=2)
    assert verdict() == [line(mugs, "reserved", 0, 2)]


def test_a_movement_that_was_deleted(mugs, at_once):
    spoil("DELETE FROM inventory_stockmovement WHERE sequence = 2", mugs)
    assert verdict() == [
        line(mugs, "sequence", 2, 3),
        line(mugs, "on_hand_after of movement 3", 8, 6),
        line(mugs, "on_hand", 4, 2),
    ]


def test_a_first_movement_that_was_deleted(mugs, at_once):
    spoil("DELETE FROM inventory_stockmovement WHERE sequence = 1", mugs)
    assert line(mugs, "sequence", 1, 2) in verdict()


def test_a_last_movement_that_was_deleted(mugs, at_once):
    spoil("DELETE FROM inventory_stockmovement WHERE sequence = 5", mugs)
    assert verdict() == [line(mugs, "movement_count", 4, 5), line(mugs, "on_hand", 4, 2)]


def test_a_ledger_that_is_gone(mugs, at_once):
    spoil("DELETE FROM inventory_stockmovement WHERE true", mugs)
    assert verdict() == [line(mugs, "movement_count", 0, 5), line(mugs, "on_hand", 0, 2)]


def test_a_movement_that_was_renumbered(mugs, at_once):
    spoil("UPDATE inventory_stockmovement SET sequence = 999999999 WHERE sequence = 5", mugs)
    assert verdict() == [
        line(mugs, "sequence", 5, 999_999_999),
        line(mugs, "movement_count", 999_999_999, 5),
    ]


def test_a_delta_that_was_edited(mugs, at_once):
    spoil("UPDATE inventory_stockmovement SET delta = -1 WHERE sequence = 3", mugs)
    assert verdict() == [
        line(mugs, "on_hand_after of movement 3", 7, 6),
        line(mugs, "on_hand", 3, 2),
    ]


def test_a_running_total_that_was_edited(mugs, at_once):
    spoil("UPDATE inventory_stockmovement SET on_hand_after = 500 WHERE sequence = 3", mugs)
    assert verdict() == [line(mugs, "on_hand_after of movement 3", 6, 500)]


def test_deltas_beyond_every_integer_are_told_as_they_are(mugs):
    spoil("UPDATE inventory_stockmovement SET delta = 9223372036854775807 WHERE true", mugs)
    assert line(mugs, "on_hand", 5 * (2**63 - 1), 2) in verdict()


def test_stock_of_deleted_products_is_verified_too(mugs):
    mugs.product.deleted_at = mugs.created_at
    mugs.product.save()
    StockLevel.objects.filter(pk=mugs.pk).update(on_hand=9)
    assert verdict() == [line(mugs, "on_hand", 2, 9)]


@pytest.fixture
def promised(mugs) -> StockLevel:
    """An open order has three mugs on shelves, and two of five that are on their way."""
    create_batch(product_id=mugs.product_id, reference="PO-1", quantity=5, eta=date(2030, 1, 5))
    lines = [Wanted(5, product_id=mugs.product_id)]
    reserve(order_reference="ORDER-1", lines=lines, allow_incoming=True)
    mugs.refresh_from_db()
    return mugs


def test_what_is_promised_and_on_its_way_is_right(promised, at_once):
    assert (promised.reserved, promised.incoming) == (2, 5)
    assert verdict() == []


@pytest.mark.parametrize(
    ("spoilt", "figure", "expected", "found"),
    [
        ({"reserved": 1}, "reserved", 2, 1),
        ({"incoming": 4}, "incoming", 5, 4),
        ({"next_eta": date(2030, 1, 6)}, "next_eta", date(2030, 1, 5), date(2030, 1, 6)),
    ],
)
def test_a_level_that_tells_its_promises_wrong(promised, at_once, spoilt, figure, expected, found):
    StockLevel.objects.filter(pk=promised.pk).update(**spoilt)
    assert verdict() == [line(promised, figure, expected, found)]


def test_a_batch_that_tells_its_promises_wrong(promised, at_once):
    Batch.objects.update(allocated=1)
    (row,) = verdict()
    assert row[1:] == ["MUG", "main", "allocated of batch PO-1", "2", "1"]


def test_a_line_whose_parts_are_not_the_whole(promised, at_once):
    ReservationLine.objects.update(unallocated=1)
    (row,) = verdict()
    assert row[1:] == ["MUG", "", "parts of a line of ORDER-1", "5", "6"]
    Reservation.objects.update(expires_at=datetime(2020, 1, 1, tzinfo=UTC))
    assert verdict() == []


def test_an_order_that_has_ended_and_still_holds_something(promised, at_once):
    Reservation.objects.update(status="released")
    figures = {tuple(row[3:]) for row in verdict()}
    assert figures == {("allocated to ORDER-1, which has ended", "0", number) for number in "12"}


def allow(table: str, check: str) -> None:
    """Let rows break a rule of the database, as an older version of it would."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {check}")


@pytest.mark.parametrize(
    ("spoilt", "outstanding"),
    [({"quantity": 1}, "1"), ({"quantity": 4, "received_quantity": 3}, "1")],
)
def test_a_batch_that_has_promised_more_than_will_come(promised, at_once, spoilt, outstanding):
    allow("inventory_batch", "batch_allocated_outstanding")
    Batch.objects.update(**spoilt)
    StockLevel.objects.filter(pk=promised.pk).update(incoming=1)
    (row,) = verdict()
    figure = "promised of batch PO-1, at most what is outstanding"
    assert row[1:] == ["MUG", "main", figure, outstanding, "2"]


def test_a_batch_that_is_cancelled_and_still_promised(promised, at_once):
    allow("inventory_batch", "batch_status_agrees")
    Batch.objects.update(status="cancelled")
    StockLevel.objects.filter(pk=promised.pk).update(incoming=0, next_eta=None)
    (row,) = verdict()
    figure = "promised of batch PO-1, at most what is outstanding"
    assert row[1:] == ["MUG", "main", figure, "0", "2"]


@pytest.mark.parametrize("supply", ["stock_level", "batch"])
def test_lines_that_units_of_each_others_products_supply(promised, at_once, supply):
    """Two units each, so that every counter agrees all the same."""
    pens = StockLevelFactory(product=ProductFactory(sku="PEN"), on_hand=2)
    create_batch(product_id=pens.product_id, reference="PO-2", quantity=2, eta=date(2030, 1, 5))
    lines = [Wanted(4, product_id=pens.product_id)]
    reserve(order_reference="ORDER-2", lines=lines, allow_incoming=True)
    of_mugs, of_pens = Allocation.objects.filter(**{f"{supply}__location__code": "main"}).order_by(
        "pk"
    )
    mugs, pens = getattr(of_mugs, supply), getattr(of_pens, supply)
    Allocation.objects.filter(pk=of_mugs.pk).update(**{supply: pens})
    Allocation.objects.filter(pk=of_pens.pk).update(**{supply: mugs})
    assert sorted(row[1:] for row in verdict()) == [
        ["MUG", "", "product that supplies a line of ORDER-1", "MUG", "PEN"],
        ["PEN", "", "product that supplies a line of ORDER-2", "PEN", "MUG"],
    ]


def test_sales_between_two_steps_are_no_difference(mugs, monkeypatch):
    monkeypatch.setattr(verification.ledger, "MOVEMENTS_AT_ONCE", 2)
    found = []
    for step in verification.verify():
        found += step.differences
        adjust_stock(changes=[Change(mugs.product_id, delta=1, location="main")])
    assert not found
    assert verdict() == []


def test_a_step_reads_no_more_than_its_share_of_a_long_ledger(mugs, monkeypatch):
    monkeypatch.setattr(verification.ledger, "MOVEMENTS_AT_ONCE", 2)
    assert max(step.movements for step in verification.verify()) <= 4


def test_the_number_of_queries_depends_on_steps_not_on_stock_levels(
    mugs, django_assert_num_queries
):
    StockLevelFactory.create_batch(20, on_hand=1)
    # the total; the levels, twice; one step; batches, open lines, supplies, ended reservations;
    # the end of the summary by days; what was found, kept, and whether it may be
    with django_assert_num_queries(11):
        assert verdict() == []


def test_a_difference_is_exit_code_one_and_counted(mugs):
    StockLevel.objects.filter(pk=mugs.pk).update(on_hand=9, movement_count=4)
    with pytest.raises(CommandError, match="2 figures") as error:
        call_command("verify_stock", stdout=StringIO())
    assert error.value.returncode == 1


def test_verbosity_zero_says_nothing_where_all_is_well(mugs, capfd):
    call_command("verify_stock", verbosity=0)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("stream", "verbosity", "is_drawn"),
    [(Terminal, 1, True), (Terminal, 0, False), (StringIO, 1, False)],
)
def test_the_bar_is_drawn_on_a_terminal_alone(mugs, monkeypatch, stream, verbosity, is_drawn):
    screen = stream()
    monkeypatch.setattr("sys.stderr", screen)
    call_command("verify_stock", stderr=StringIO(), verbosity=verbosity)
    assert ("0/8 " in screen.getvalue()) == is_drawn
