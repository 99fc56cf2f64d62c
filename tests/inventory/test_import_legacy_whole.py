"""Whole dumps, some rows of which are broken on purpose: imported exactly, whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import psycopg
import pytest
from django.db import connection, connections
from psycopg import sql

from inventory.management.legacy.importing import in_order
from inventory.models import StockLevel, StockMovement
from products.models import Product
from tests.data.make_legacy_dump import PRODUCT_FAULTS, STOCK_FAULTS, Expected, make
from tests.inventory.legacy import Legacy, Outcome, tables
from tests.running import PROJECT, running_stockroom
from tests.waiting import wait_until


def imported(legacy: Legacy, form: str = "csv", **options) -> Outcome:
    folder = legacy.folder
    return legacy.command(
        products=str(folder / f"products.{form}"),
        inventory=str(folder / "inventory.ndjson"),
        **options,
    )


def check(outcome: Outcome, expected: Expected) -> None:
    """The tables and both files hold what the maker of the dumps says."""
    assert Product.objects.count() == expected.products_imported
    assert StockLevel.objects.count() == expected.stock_imported
    movements = StockMovement.objects.all()
    assert sum(movements.values_list("delta", flat=True)) == expected.units_imported
    assert movements.count() == StockLevel.objects.filter(on_hand__gt=0).count()
    changes = [change for _, _, change in outcome.mapping]
    assert changes.count("uuid5") == expected.ids_made
    assert changes.count("respelled") == expected.ids_respelled
    assert len(outcome.rejects) == sum(expected.rejected.values())
    of_products = [each for each in outcome.rejects if each["source"] == "products"]
    assert len(of_products) == expected.products_read - expected.products_imported
    assert all(each["reasons"] for each in outcome.rejects)


@pytest.mark.django_db
@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_a_small_dump_is_imported_exactly_and_only_once(tmp_path, form):
    legacy = Legacy(tmp_path)
    expected = make(tmp_path, products=120, broken_every=5, with_json=True)
    assert len(expected.rejected) == len(PRODUCT_FAULTS) + len(STOCK_FAULTS) + 3
    first = imported(legacy, form)
    check(first, expected)
    before = tables()
    second = imported(legacy, form)
    assert (second.mapping, second.rejects) == (first.mapping, first.rejects)
    assert tables() == before


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_several_connections_do_the_same_as_one(tmp_path, monkeypatch):
    monkeypatch.setattr("inventory.management.legacy.importing.BATCH", 20)
    legacy = Legacy(tmp_path)
    expected = make(tmp_path, products=120, broken_every=5)
    rehearsal = imported(legacy, apply=False)
    outcome = imported(legacy, connections=4)
    check(outcome, expected)
    assert (outcome.mapping, outcome.rejects) == (rehearsal.mapping, rehearsal.rejects)
    assert set(StockMovement.objects.values_list("actor", flat=True)) == {"import_legacy"}


@pytest.mark.django_db(transaction=True)
def test_the_connections_of_threads_are_closed_with_them():
    def used(_task):
        connection.ensure_connection()
        return connections[connection.alias]

    opened = {each for _, each in in_order(used, range(20), 3)}
    assert 1 <= len(opened) <= 3
    assert all(each.connection is None for each in opened)


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_a_batch_that_fails_on_its_connection_ends_the_run(tmp_path, monkeypatch):
    monkeypatch.setattr("inventory.management.legacy.importing.import_products", lambda **_: 1 // 0)
    legacy = Legacy(tmp_path)
    make(tmp_path, products=20)
    with pytest.raises(ZeroDivisionError):
        imported(legacy, connections=2)
    assert not Product.objects.exists()
    assert not legacy.rejects.exists()


def test_the_same_seed_makes_the_same_dump(tmp_path):
    for folder in ("a", "b"):
        make(tmp_path / folder, products=50, seed=7, with_json=True)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == ["expected.json", "inventory.ndjson", "products.csv", "products.ndjson"]
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    make(tmp_path / "c", products=50, seed=8)
    assert (tmp_path / "c" / "products.csv").read_bytes() != (
        tmp_path / "a" / "products.csv"
    ).read_bytes()


@pytest.mark.slow
@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_a_hundred_thousand_products_are_imported_exactly_and_only_once(tmp_path):
    legacy = Legacy(tmp_path)
    expected = make(tmp_path, products=100_000)
    first = imported(legacy, connections=2)
    check(first, expected)
    before = tables()
    second = imported(legacy, connections=2)
    assert (second.mapping, second.rejects) == (first.mapping, first.rejects)
    assert tables() == before


@pytest.mark.slow
@pytest.mark.django_db
def test_an_import_that_is_killed_is_completed_by_the_next(tmp_path):
    """Killed with its transactions open, among the products and among the stock."""
    expected = make(tmp_path, products=30_000)
    with running_stockroom(tmp_path / "server") as server:
        command = [
            sys.executable, "manage.py", "import_legacy", "--apply",
            "--products", f"{tmp_path}/products.csv",
            "--inventory", f"{tmp_path}/inventory.ndjson",
            "--mapping", f"{tmp_path}/mapping.csv",
            "--rejects", f"{tmp_path}/rejects.ndjson",
        ]  # fmt: skip
        address = server.environment["DATABASE_URL"]
        for table in ("products_product", "inventory_stocklevel"):
            kill_once_there_are_rows(command, server.environment, address, table)
            assert not (tmp_path / "rejects.ndjson").exists()
        left = rows_of(address, "inventory_stocklevel")
        assert 0 < left < expected.stock_imported
        server.manage(*command[2:])
        first = (tmp_path / "rejects.ndjson").read_text()
        assert len(first.splitlines()) == sum(expected.rejected.values())
        assert rows_of(address, "products_product") == expected.products_imported
        assert rows_of(address, "inventory_stocklevel") == expected.stock_imported
        again = server.manage(*command[2:])
        assert f"{expected.products_read} rows, 0 new" in again
        assert (tmp_path / "rejects.ndjson").read_text() == first
        server.manage("verify_stock")


def kill_once_there_are_rows(command, environment, address, table) -> None:
    process = subprocess.Popen(
        command, cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    before = rows_of(address, table)
    wait_until(lambda: rows_of(address, table) > before, 60)
    assert process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def rows_of(address, table):
    with psycopg.connect(address) as connection:
        statement = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
        (count,) = connection.execute(statement).fetchone()
    return count
