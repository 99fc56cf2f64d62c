"""How often a product was sold is counted when a day is over, beside whoever writes documents."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction

from catalogue.models import Document
from catalogue.popularity import DAYS
from catalogue.rebuilding import rebuild
from catalogue.state import documents_of
from catalogue.tasks import refresh_popularity
from catalogue.writing import keep
from common.database import database_now
from inventory.models import StockDay
from inventory.models.days import day_of
from inventory.operations import adjust_stock
from inventory.rules import Change
from tests.catalogue.projected import document_of, project_all
from tests.factories import StockLevelFactory
from tests.racing import in_a_thread
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db


def sold(level, days_ago, times, reason="sale"):
    day = day_of(database_now()) - timedelta(days=days_ago)
    StockDay.objects.create(
        stock_level=level, day=day, reason=reason, units=-5 * times, movements=times
    )


def test_popularity_counts_the_sales_of_28_days():
    level = StockLevelFactory(on_hand=3)
    sold(level, 1, 3)
    sold(level, 1, 2, "shipment")
    sold(level, DAYS.days, 4)
    sold(level, DAYS.days + 1, 100)
    sold(level, 2, 100, "receipt")
    project_all()
    assert document_of(level.product).popularity == 0
    assert refresh_popularity() == 1
    assert document_of(level.product).popularity == 9
    assert refresh_popularity() == 0


def test_a_projection_leaves_the_popularity_and_a_rebuild_counts_it():
    level = StockLevelFactory(on_hand=3)
    sold(level, 1, 3)
    rebuild(lambda _: None)
    assert document_of(level.product).popularity == 3
    adjust_stock(changes=[Change(level.product_id, -1)])
    project_all()
    assert document_of(level.product).popularity == 3
    assert document_of(level.product).available == 2


def counted_while_the_first_is_held() -> bool:
    """Whether whoever counts sales locks the last document before it has the first one."""
    with ThreadPoolExecutor(1) as threads, transaction.atomic():
        first, last = Document.objects.order_by("pk")
        Document.objects.select_for_update(no_key=True).get(pk=first.pk)
        counting = threads.submit(in_a_thread, count_up_row_by_row)
        wait_until(lambda: counting.done() or is_waited_for())
        others = Document.objects.filter(pk=last.pk).select_for_update(skip_locked=True)
        is_locked = not others.exists()
        transaction.set_rollback(True)
        return is_locked


def count_up_row_by_row() -> None:
    """In the order in which the rows lie in the table, if it were for PostgreSQL."""
    with connection.cursor() as cursor:
        cursor.execute("SET enable_indexscan = off; SET lock_timeout = '30s'")
    refresh_popularity()


def is_waited_for() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_locks"
            " WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        )
        return cursor.fetchone() is not None


@pytest.fixture
def sold_in_another_order(transactional_db):
    """Two products that were sold; the row of the later one lies before that of the first."""
    levels = sorted((StockLevelFactory() for _ in range(2)), key=lambda one: one.product_id)
    for level in reversed(levels):
        sold(level, 1, 3)
        keep(documents_of([level.product_id]))


@pytest.mark.of_postgresql
@pytest.mark.concurrency
@pytest.mark.usefixtures("sold_in_another_order")
def test_popularity_is_written_in_the_order_of_the_projector():
    assert counted_while_the_first_is_held() is False


@pytest.mark.of_postgresql
@pytest.mark.concurrency
@pytest.mark.usefixtures("sold_in_another_order")
def test_without_locks_in_order_it_is_not(monkeypatch):
    """Negative control: if this fails, the test above proves nothing."""
    monkeypatch.setattr("catalogue.popularity.lock_in_order", lambda _: None)
    assert counted_while_the_first_is_held() is True
