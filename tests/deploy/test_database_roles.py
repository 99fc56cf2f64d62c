"""What the application's role may do in the database, and what only its owner may."""

from __future__ import annotations

import psycopg
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("deployment")]


@pytest.fixture
def connection(deployment):
    with psycopg.connect(deployment.settings("web")["DATABASE_URL"]) as connection:
        yield connection


@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE inventory_stockmovement CASCADE",
        "ALTER TABLE inventory_stockmovement DISABLE TRIGGER ALL",
        "DROP TRIGGER stock_movement_append_only ON inventory_stockmovement",
        "SET session_replication_role = replica",
        "CREATE TABLE mine ()",
        "SET ROLE stockroom_owner",
    ],
)
def test_the_application_cannot_get_around_the_ledgers_guard(connection, statement):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lock_timeout", "1200ms"),
        ("statement_timeout", "10s"),
        ("idle_in_transaction_session_timeout", "15s"),
    ],
)
def test_the_application_has_the_time_outs_that_requests_live_under(connection, name, value):
    assert connection.execute(f"SHOW {name}").fetchone() == (value,)


def test_neither_role_is_a_superuser(connection):
    rows = connection.execute(
        "SELECT rolname, rolsuper, rolcreaterole, rolcreatedb FROM pg_roles"
        " WHERE rolname LIKE 'stockroom%' ORDER BY rolname"
    )
    assert rows.fetchall() == [
        ("stockroom", False, False, False),
        ("stockroom_owner", False, False, False),
    ]


def test_preparing_again_changes_nothing(deployment):
    deployment.run_to_end("migrate")
    assert deployment.ask("GET", "/ready").document["status"] == "ready"
