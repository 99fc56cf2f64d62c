"""A loader of a large demo that is killed leaves everything as it was before."""

from __future__ import annotations

import os
import subprocess
import sys

import psycopg
import pytest

from tests.inventory.test_seed_demo_large import SCHEMA
from tests.running import PROJECT, database_of_its_own
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

MARK = "SELECT obj_description('inventory_stockmovement'::regclass, 'pg_class')"
COUNTS = """
SELECT (SELECT count(*) FROM products_product), (SELECT count(*) FROM products_category),
    (SELECT count(*) FROM inventory_location), (SELECT count(*) FROM inventory_stockmovement)
"""
OTHERS = (
    "SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.fixture
def manage(django_db_setup):
    """Begins a command on a database of its own, whose address it has."""
    with database_of_its_own() as address:

        def begin(*arguments):
            settings = os.environ | {"DATABASE_URL": address, "DEVELOPMENT": "1"}
            return subprocess.Popen(
                [sys.executable, "manage.py", *arguments], cwd=PROJECT, env=settings
            )

        begin.address = address
        assert begin("migrate", "--verbosity=0").wait() == 0
        yield begin


def state(connection):
    """Schema and content; read when nobody else is connected any more."""
    wait_until(lambda: not connection.execute(OTHERS).rowcount)
    return [connection.execute(query).fetchall() for query in (SCHEMA, COUNTS, MARK)]


def test_a_loader_that_is_killed_leaves_everything_as_it_was_and_the_next_one_loads(manage):
    with psycopg.connect(manage.address, autocommit=True) as connection:
        before = state(connection)
        for doing in ("copy", "create_index"):
            loader = manage("seed_demo", "--products", "30000")
            progress = f"SELECT FROM pg_stat_progress_{doing} WHERE datname = current_database()"
            wait_until(lambda: connection.execute(progress).rowcount, timeout=60)  # noqa: B023
            loader.kill()
            loader.wait()
            assert state(connection) == before
        assert manage("seed_demo", "--products", "1000").wait() == 0
        assert manage("verify_stock").wait() == 0
        schema, counts, mark = state(connection)
    assert schema == before[0]
    assert (counts[0][0], bool(mark[0][0])) == (1_000, True)
