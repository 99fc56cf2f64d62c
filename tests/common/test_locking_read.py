"""A locking read whose SQL is made once: the same rows and the same locks, and the time of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from common.database import database_now
from common.ids import new_id
from common.locking import IsOneOf, LockingRead
from inventory.models import StockLevel
from inventory.operations.ledger import Ledger
from inventory.querysets import StockLevelQuerySet
from tests.common.wire import watched
from tests.factories import LocationFactory, StockLevelFactory
from tests.inventory.test_races import held
from tests.racing import in_a_thread, somebody_waits_for_a_lock
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def levels():
    """Three of two products, and one that nobody asks for."""
    mug = StockLevelFactory(on_hand=3)
    north = StockLevelFactory(
        product=mug.product, location=LocationFactory(code="north"), on_hand=1
    )
    StockLevelFactory(on_hand=9)
    return [mug, north, StockLevelFactory(on_hand=5)]


def rows(queryset=StockLevelQuerySet.locked):
    plain = StockLevel.objects.filter(IsOneOf("product_id")).select_related("product", "location")
    return LockingRead(queryset(plain.defer("product__search")))


def ids_of(levels):
    return {level.product_id for level in levels}


def values_of(row):
    return {name: value for name, value in vars(row).items() if name != "_state"}


def test_it_finds_what_the_queryset_finds(levels, django_assert_num_queries):
    with transaction.atomic():
        found, _ = rows().lock(ids_of(levels))
        usual = StockLevel.objects.filter(product__in=ids_of(levels)).locked()
        expected = list(usual.select_related("product", "location").defer("product__search"))
        with django_assert_num_queries(0):
            pairs = [(row.product, row.location) for row in found]
    assert [values_of(row) for row in found] == [values_of(row) for row in expected]
    for (product, location), row in zip(pairs, expected, strict=True):
        assert values_of(product) == values_of(row.product)
        assert values_of(location) == values_of(row.location)
        assert product.get_deferred_fields() == row.product.get_deferred_fields() == {"search"}
    assert [row.pk for row in found] == sorted(row.pk for row in levels)
    assert not any(row._state.adding for row in found)


def is_locked(table, pk, strength="NO KEY UPDATE") -> bool:
    """Whether another session could not have this lock at once."""
    statement = f"SELECT 1 FROM {table} WHERE id = %s FOR {strength} SKIP LOCKED"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(statement, [pk])
        return cursor.fetchone() is None


def test_it_locks_the_levels_alone_and_as_weakly_as_the_queryset(levels):
    level = levels[0]
    with ThreadPoolExecutor(1) as threads, transaction.atomic():
        rows().lock(ids_of(levels))

        def seen(*asked):
            return threads.submit(in_a_thread, is_locked, *asked).result()

        assert seen("inventory_stocklevel", level.pk)
        assert not seen("inventory_stocklevel", level.pk, "KEY SHARE"), "foreign keys would wait"
        assert not seen("products_product", level.product_id, "UPDATE")
        assert not seen("inventory_location", level.location_id, "UPDATE")
        stranger = StockLevel.objects.exclude(product__in=ids_of(levels)).get()
        assert not seen("inventory_stocklevel", stranger.pk)


def test_it_locks_in_the_order_of_the_primary_key(levels):
    """Behind the holder of the middle one, the first is locked and the last is not."""
    first, middle, last = sorted(levels, key=lambda level: level.pk)

    def lock():
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '30s'")
            rows().lock(ids_of(levels))

    with ThreadPoolExecutor(1) as threads:
        with held(middle):
            waits = threads.submit(in_a_thread, lock)
            wait_until(somebody_waits_for_a_lock)
            assert is_locked("inventory_stocklevel", first.pk)
            assert not is_locked("inventory_stocklevel", last.pk)
        waits.result(30)


def test_the_time_is_after_the_lock(levels):
    level = levels[-1]

    def lock():
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '30s'")
            _, moment = rows().lock([level.product_id])
            return moment

    with ThreadPoolExecutor(1) as threads:
        with held(level):
            waits = threads.submit(in_a_thread, lock)
            wait_until(somebody_waits_for_a_lock)
            released = database_now()
        moment = waits.result(30)
    assert released < moment < database_now()


def test_where_there_is_nothing_there_is_a_time():
    before = database_now()
    with transaction.atomic():
        found, moment = rows().lock([new_id()])
        assert found == []
        assert before < moment < database_now()
        assert rows().lock([])[0] == []


def test_it_takes_one_round_trip(levels):
    with transaction.atomic():
        read = rows()
        database_now()
        with watched() as wire:
            read.lock(ids_of(levels))
    assert (wire.statements, wire.round_trips) == (1, 1)


def test_the_ledger_follows_a_lock_that_is_exchanged(levels, monkeypatch):
    """Negative controls take it away: with a query kept from before they would prove nothing."""
    level = levels[0]

    def is_locked_by_the_ledger():
        with ThreadPoolExecutor(1) as threads, transaction.atomic():
            assert Ledger.locked([level.product_id]).levels_of(level.product_id)
            return threads.submit(in_a_thread, is_locked, "inventory_stocklevel", level.pk).result()

    assert is_locked_by_the_ledger()
    with monkeypatch.context() as without:
        without.setattr(StockLevelQuerySet, "locked", lambda levels: levels.order_by("pk"))
        assert not is_locked_by_the_ledger()
    assert is_locked_by_the_ledger()
