"""What is restored is what was backed up, guarded as before; and whatever fails changes nothing."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import psycopg
import pytest
import redis

from tests.faults.traffic import Caller, stocked_product
from tests.running import running_python
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.common.backups.conftest import Database

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("backups")]

SILENT = ("--force", "--no-input", "--verbosity=0")
EVERYTHING = """
SELECT (SELECT count(*) FROM inventory_stockmovement), (SELECT sum(on_hand) FROM
        inventory_stocklevel), (SELECT count(*) FROM events_event),
       (SELECT count(*) FROM people_auditentry), (SELECT count(*) FROM access_apikey),
       (SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'O'),
       (SELECT count(*) FROM pg_indexes WHERE schemaname = 'public'),
       (SELECT count(*) FROM pg_constraint WHERE convalidated),
       (SELECT count(*) FROM pg_statistic_ext)
"""
ONE_SALE = {"quantity_delta": -1, "reference": "LATER"}


@pytest.fixture(scope="module")
def product(server) -> str:
    """One that has been sold five times, each of which is numbered in the feed."""
    product = stocked_product(server)
    with closing(Caller(server)) as caller:
        for _ in range(5):
            sold = caller.ask("PATCH", f"/api/v1/inventory/{product}", {"quantity_delta": -1})
            assert sold[0] == 200
        assert len(caller.ask("GET", "/api/v1/events")[1]["data"]) == 7
    return product


@pytest.fixture(scope="module")
def file(used, product, tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("backups") / "one.dump"
    done = used.manage("backup", str(file))
    assert done.returncode == 0, done.stderr
    assert product
    return file


@pytest.fixture(scope="module")
def restored(production, file) -> Iterator[Database]:
    """A new database, into which it has been restored."""
    with production.database() as database:
        done = database.manage("restore", str(file))
        assert done.returncode == 0, done.stderr
        assert "Every stock level agrees" in done.stderr
        yield database


def test_everything_is_there_again(used, restored):
    assert restored.rows(EVERYTHING) == used.rows(EVERYTHING)
    assert not restored.manage("makemigrations", "--check").returncode
    assert not restored.manage("migrate", "--check").returncode


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("UPDATE inventory_stockmovement SET delta = 1", psycopg.errors.RestrictViolation),
        ("DELETE FROM inventory_stockmovement", psycopg.errors.RestrictViolation),
        ("DELETE FROM people_auditentry", psycopg.errors.RestrictViolation),
        ("UPDATE inventory_stocklevel SET on_hand = -1", psycopg.errors.CheckViolation),
        ("TRUNCATE inventory_stockmovement CASCADE", psycopg.errors.InsufficientPrivilege),
        ("DROP TABLE inventory_stockmovement", psycopg.errors.InsufficientPrivilege),
    ],
)
def test_the_guards_are_there_again(restored, statement, error):
    restored.rows("UPDATE products_product SET name = name || '!'")  # its trail gets an entry
    with pytest.raises(error):
        restored.rows(statement)


def test_the_applications_role_lives_under_its_time_outs_again(restored):
    assert restored.rows("SHOW lock_timeout") == [("1200ms",)]
    assert restored.rows("SHOW statement_timeout") == [("10s",)]


def test_numbers_of_events_that_others_may_have_seen_are_not_given_again(used, restored):
    ((before,),) = used.rows("SELECT last FROM events_sequencer")
    ((after,),) = restored.rows("SELECT last FROM events_sequencer")
    assert (before, after) == (7, 10**9)


def test_a_database_that_holds_something_is_left_alone(restored, file):
    done = restored.manage("restore", str(file))
    assert done.returncode == 1
    assert "is not empty" in done.stderr
    asked = restored.manage("restore", str(file), "--force")
    assert asked.returncode == 1
    assert "--no-input" in asked.stderr


def test_while_others_are_connected_it_is_left_alone(used, server, file):
    before = used.rows(EVERYTHING)
    done = used.manage("restore", str(file), *SILENT)
    assert done.returncode == 1
    assert "others are connected" in done.stderr
    assert used.rows(EVERYTHING) == before


@pytest.mark.parametrize("size", [20, -5_000, -1], ids=["head", "cut", "one byte"])
def test_a_file_that_is_not_whole_is_refused_before_anything_happens(
    restored, file, tmp_path, size
):
    broken = tmp_path / "broken.dump"
    broken.write_bytes(file.read_bytes()[:size])
    before = restored.rows(EVERYTHING)
    done = restored.manage("restore", str(broken), *SILENT)
    assert done.returncode == 1
    assert "no backup that can be read" in done.stderr or "is damaged" in done.stderr
    assert restored.rows(EVERYTHING) == before


def test_one_of_a_later_release_is_refused_and_all_is_as_before(used, restored, tmp_path):
    later = tmp_path / "later.dump"
    mark = "INSERT INTO django_migrations (app, name, applied) VALUES ('inventory', '9999', now())"
    used.rows(mark)
    try:
        assert used.manage("backup", str(later)).returncode == 0
    finally:
        used.rows("DELETE FROM django_migrations WHERE name = '9999'", owner=True)
    before = restored.rows(EVERYTHING)
    done = restored.manage("restore", str(later), *SILENT)
    assert done.returncode == 1
    assert "of a later release (migration inventory.9999)" in done.stderr
    assert restored.rows(EVERYTHING) == before
    with pytest.raises(psycopg.errors.RestrictViolation):
        restored.rows("DELETE FROM inventory_stockmovement")


def test_one_that_is_killed_can_be_done_again(restored, file, tmp_path):
    """What it had set aside comes back first."""
    log = tmp_path / "restore.log"
    command = ["manage.py", "restore", str(file), *SILENT]
    aside = "SELECT count(*) FROM pg_namespace WHERE nspname = 'before_restore'"
    for _ in range(10):  # it may see us look, and refuse; or be done before it is killed
        with running_python(command, restored.owner, log) as process:
            wait_until(lambda: restored.rows(aside) == [(1,)] or process.poll() is not None, 60)
            process.kill()
            process.wait()
        if restored.rows(aside) == [(1,)]:
            break
    assert restored.rows(aside) == [(1,)], log.read_text()
    done = restored.manage("restore", str(file), *SILENT, "--despite-connections")
    assert done.returncode == 0, done.stderr
    assert restored.rows(aside) == [(0,)]
    assert restored.rows("SELECT count(*) FROM inventory_stockmovement") == [(6,)]


def test_nothing_that_was_cached_of_the_database_before_is_served(used, server, product, file):
    with closing(Caller(server)) as caller:
        path = f"/api/v1/products/{product}"
        attributes = {"name": "Renamed after the backup"}
        assert caller.ask("PATCH", path, attributes)[0] == 200
        assert caller.ask("GET", path)[1]["data"]["attributes"]["name"] == attributes["name"]
        with redis.Redis.from_url(used.owner["REDIS_URL"]) as cache:
            epoch = cache.get("stockroom:epoch")
            assert epoch
            assert cache.exists(*cache.scan_iter(f"*{product}*"))
        done = used.manage("restore", str(file), *SILENT, "--despite-connections")
        assert done.returncode == 0, done.stderr
        assert caller.ask("GET", path)[1]["data"]["attributes"]["name"] == "Mug"


def test_without_redis_it_says_what_is_left_to_do(production, file):
    with production.database() as database:
        done = database.manage("restore", str(file), REDIS_URL="unix:///nonexistent/redis.sock")
        assert done.returncode == 1
        assert "empty it (FLUSHDB)" in done.stderr
        assert database.rows("SELECT count(*) FROM inventory_stockmovement") == [(6,)]


def test_the_verdict_of_verify_stock_is_its_own(production, file, tmp_path):
    """Of a backup of a database whose figures were wrong already."""
    with production.database() as wrong, production.database() as database:
        assert wrong.manage("restore", str(file)).returncode == 0
        wrong.rows("UPDATE inventory_stocklevel SET on_hand = on_hand + 1")
        spoilt = tmp_path / "spoilt.dump"
        assert wrong.manage("backup", str(spoilt)).returncode == 0
        done = database.manage("restore", str(spoilt))
    assert done.returncode == 1
    assert "on_hand" in done.stdout
    assert "differ" in done.stderr


def test_the_applications_own_role_is_told_who_may(restored, file):
    done = restored.manage("restore", str(file), *SILENT, **restored.application)
    assert done.returncode == 1
    assert "as stockroom_owner" in done.stderr
