"""A worker killed anywhere in a request: the retry has exactly one effect (RULES I9)."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys

import psycopg
import pytest

from tests.deploy.test_production_settings import PRODUCTION
from tests.race.clients import Client
from tests.race.history import Outcome
from tests.race.operations import FAREWELL, DiesAt, Kind, Operation
from tests.race.shop import opened
from tests.running import PROJECT, running_stockroom

DEPLOYED = ("common", "config", "inventory", "products")
IMPORT_OF_TESTS = re.compile(r"^\s*(?:from|import)\s+tests\b", re.MULTILINE)
EFFECTS = """
SELECT
    (SELECT count(*) FROM inventory_stockmovement WHERE reference = %(name)s),
    (SELECT count(*) FROM events_event WHERE data->>'reference' = %(name)s),
    (SELECT count(*) FROM idempotency_idempotencyrecord WHERE key = %(name)s)
"""
HELD = """
SELECT
    (SELECT count(*) FROM inventory_reservationline WHERE reservation_id = hold.id),
    (SELECT count(*) FROM inventory_allocation AS share
        JOIN inventory_reservationline AS line ON line.id = line_id
        WHERE reservation_id = hold.id),
    (SELECT count(*) FROM events_event
        WHERE type = 'reservation.created' AND subject_id = hold.id::text),
    (SELECT count(*) FROM idempotency_idempotencyrecord WHERE key = order_reference),
    request_id
FROM inventory_reservation AS hold WHERE order_reference = %(name)s
"""
COMMITTED_BEFORE_DEATH = {DiesAt.COMMITTED, DiesAt.ON_COMMIT}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faults")
    with running_stockroom(folder, application="tests.race.wsgi", RACE_PLANT="") as running:
        yield running


@pytest.fixture(scope="module")
def place(server):
    return opened(server)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [Kind.SALE, Kind.TRANSFER])
@pytest.mark.parametrize("point", DiesAt)
def test_a_retry_after_a_kill_has_exactly_one_effect(server, place, point, kind):
    name = f"fault-{secrets.token_hex(4)}"
    deaths = server.log.read_text().count(f"{FAREWELL} {point}")
    to_location = "annex" if kind == Kind.TRANSFER else None
    wish = Operation(1, kind, 0, 1, to_location=to_location, dies_at=point, sent_again=True)
    client = Client(place, name)
    entry = client.carry_out(wish)
    client.close()

    assert server.log.read_text().count(f"{FAREWELL} {point}") == deaths + 1
    assert entry.was_unknown
    assert (entry.outcome, entry.differing_replays, entry.unexplained) == (Outcome.OK, [], [])
    with psycopg.connect(server.environment["DATABASE_URL"]) as connection:
        found = connection.execute(EFFECTS, {"name": entry.reference}).fetchone()
        by = connection.execute(
            "SELECT DISTINCT request_id FROM inventory_stockmovement WHERE reference = %s",
            [entry.reference],
        ).fetchall()
    movements = 2 if kind == Kind.TRANSFER else 1
    assert found == (movements, movements, 1)
    was_first = by == [(f"{entry.reference}.1",)]
    assert was_first == (point in COMMITTED_BEFORE_DEATH)


@pytest.mark.slow
@pytest.mark.parametrize("point", DiesAt)
def test_a_basket_is_held_once_wherever_its_worker_dies(server, place, point):
    name = f"fault-{secrets.token_hex(4)}"
    lines = ((1, 1), (2, 1))
    wish = Operation(1, Kind.RESERVE, 1, 2, lines=lines, seconds=600, dies_at=point)
    client = Client(place, name)
    entry = client.carry_out(wish)
    client.close()

    assert entry.was_unknown
    assert (entry.outcome, entry.unexplained) == (Outcome.OK, [])
    with psycopg.connect(server.environment["DATABASE_URL"]) as connection:
        found = connection.execute(HELD, {"name": entry.reference}).fetchall()
    was_first = point in COMMITTED_BEFORE_DEATH
    request = f"{entry.reference}.{1 if was_first else entry.requests}"
    assert found == [(2, 2, 1, 1, request)]


@pytest.mark.slow
def test_production_settings_refuse_to_have_fault_points():
    of_developers = {"DEVELOPMENT", "WEBHOOK_ALLOW_PRIVATE"}
    without = {name: value for name, value in os.environ.items() if name not in of_developers}
    done = subprocess.run(
        [sys.executable, "-c", "import tests.race.wsgi"],
        cwd=PROJECT,
        env=without | PRODUCTION,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "a deployed server has none" in done.stderr


@pytest.mark.parametrize("package", DEPLOYED)
def test_nothing_that_is_deployed_knows_of_the_tests(package):
    files = list((PROJECT / package).rglob("*.py"))
    assert files
    assert not [file for file in files if IMPORT_OF_TESTS.search(file.read_text())]
