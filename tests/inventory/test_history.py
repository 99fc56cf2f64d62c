"""Movements of the past, as an import or the demo writes them, and the order of the ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from common.database import database_now
from common.errors import Invalid
from inventory.models import StockMovement, Transfer
from inventory.operations import adjust_stock, open_inventory, transfer_stock
from inventory.rules import Change
from tests.factories import LocationFactory, ProductFactory, StockLevelFactory

pytestmark = pytest.mark.django_db

MAY = datetime(2024, 5, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def test_history_bears_its_own_moments_and_newest_first_stays_right():
    product = ProductFactory()
    open_inventory(product_id=product.pk, quantity=10, at=MAY)
    for day in range(1, 4):
        adjust_stock(changes=[Change(product.pk, delta=-day)], at=MAY + day * DAY)
    adjust_stock(changes=[Change(product.pk, delta=5)])
    newest_first = list(StockMovement.objects.newest_first())
    assert [movement.sequence for movement in newest_first] == [5, 4, 3, 2, 1]
    assert [movement.on_hand_after for movement in newest_first] == [9, 4, 7, 9, 10]
    moments = [movement.created_at for movement in reversed(newest_first)]
    assert moments[:4] == [MAY, MAY + DAY, MAY + 2 * DAY, MAY + 3 * DAY]
    assert database_now() - moments[4] < timedelta(minutes=1)


def test_histories_loaded_one_after_the_other_mix_by_their_moments():
    for sku, moment in (("EARLY", MAY), ("LATE", MAY + 2 * DAY), ("BETWEEN", MAY + DAY)):
        open_inventory(product_id=ProductFactory(sku=sku).pk, quantity=1, at=moment)
    newest_first = StockMovement.objects.newest_first().values_list("product__sku", flat=True)
    assert list(newest_first) == ["LATE", "BETWEEN", "EARLY"]


def test_several_movements_of_one_moment_keep_their_order():
    level = StockLevelFactory()
    changes = [Change(level.product_id, delta=1)] * 50
    adjust_stock(changes=changes, at=database_now() - DAY)
    movements = StockMovement.objects.newest_first()
    assert [movement.sequence for movement in movements] == list(range(50, 0, -1))


def test_a_stock_level_is_as_old_as_its_row_whatever_it_tells_of_the_past():
    """Who asks for what changed since yesterday must be told of what was loaded today."""
    product = ProductFactory()
    loaded_from = database_now()
    inventory = open_inventory(product_id=product.pk, quantity=10, at=MAY)
    assert inventory.last_updated >= loaded_from
    assert product.stock_levels.get().updated_at == inventory.last_updated


def test_a_transfer_of_the_past_and_its_movements_share_their_moment():
    level, far = StockLevelFactory(), LocationFactory()
    adjust_stock(changes=[Change(level.product_id, delta=9)], at=MAY)
    transfer_stock(
        product_id=level.product_id,
        from_location="main",
        to_location=far.code,
        quantity=4,
        at=MAY + DAY,
    )
    transfer = Transfer.objects.get()
    moments = {movement.created_at for movement in transfer.movements.all()}
    assert moments | {transfer.created_at} == {MAY + DAY}


@pytest.mark.parametrize("step", [-DAY, timedelta(0), timedelta(milliseconds=1)])
def test_no_line_is_put_before_the_end_of_the_ledger(step):
    product = ProductFactory()
    open_inventory(product_id=product.pk, quantity=10, at=MAY)
    with pytest.raises(Invalid) as refused:
        adjust_stock(changes=[Change(product.pk, delta=-1)], at=MAY + step)
    assert refused.value.attribute == "at"
    assert StockMovement.objects.count() == 1


@pytest.mark.parametrize("ahead", [timedelta(0), DAY])
def test_nothing_has_happened_in_the_future_yet(ahead):
    level = StockLevelFactory()
    with pytest.raises(Invalid):
        adjust_stock(changes=[Change(level.product_id, delta=1)], at=database_now() + ahead)
    assert not StockMovement.objects.exists()
