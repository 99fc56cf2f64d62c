"""PostgreSQL killed, frozen, hogged or without room: told as it is, and nothing is lost."""

from __future__ import annotations

import os
import signal
import time
from contextlib import ExitStack, contextmanager, suppress
from threading import Thread
from typing import TYPE_CHECKING

import psutil
import psycopg
import pytest

from common.observability.probes import PATIENCE
from config.embedded.postgres import Postgres
from tests.faults.traffic import STOCK
from tests.metrics import scraped
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.conftest import Stand
    from tests.faults.traffic import Traffic

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults")]

BACK_WITHIN = 2.0  # seconds after PostgreSQL accepts connections (RULES §6)
REFUSED_WITHIN = 2.5
FROZEN_FOR = 3.0
ALLOWANCE = 1.0
"""Seconds more than promised, for a machine that has other tests to run at the same time."""
LEDGER = "SELECT reference, count(*) FROM inventory_stockmovement WHERE product_id = %s GROUP BY 1"
ENDED = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


@pytest.fixture
def postgres(stand) -> Postgres:
    return Postgres(stand.data_dir)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "restarted"])
def test_its_end_is_told_and_nothing_acknowledged_is_lost(stand, postgres, how):
    with stand.traffic().flowing() as traffic:
        traffic.wait_for_more()
        os.kill(_pid(postgres), how)
        traffic.wait_for_more(status=503)
        wait_until(stand.servers.revive)
        wait_until(postgres.is_ready)
        ready_at = time.monotonic()
        traffic.wait_for_more(status=200)
    assert traffic.statuses() == {200, 503}
    _assert_back_in_time(traffic, ready_at)
    _assert_nothing_is_lost(stand, traffic)


def test_while_it_is_frozen_clients_wait_and_then_get_what_they_wanted(stand, postgres):
    """Stopped as a whole, it breaks no connection: requests wait for it, no longer than that."""
    with stand.traffic().flowing() as traffic:
        traffic.wait_for_more()
        caller = stand.caller()
        with _frozen(postgres):
            frozen_at = time.monotonic()
            while time.monotonic() < frozen_at + FROZEN_FOR:
                begun = time.monotonic()
                assert caller.ask("GET", "/health")[0] == 200
                assert caller.ask("GET", "/ready")[0] == 503
                assert time.monotonic() - begun <= REFUSED_WITHIN + ALLOWANCE
        thawed_at = time.monotonic()
        traffic.wait_for_more(status=200)
        caller.close()
    assert traffic.statuses() <= {200, 503}
    longest = max(one.ended - one.began for one in traffic.answers)
    assert longest <= thawed_at - frozen_at + ALLOWANCE
    _assert_back_in_time(traffic, thawed_at)
    _assert_nothing_is_lost(stand, traffic)


def _pid(postgres: Postgres) -> int:
    return int(postgres.pid_file.read_text().split()[0])


def test_while_it_is_frozen_prometheus_is_answered_by_every_process(stand, postgres):
    def is_up():
        return [scraped(stand.server)("figures_up", source="database") for _ in range(8)]

    wait_until(lambda: min(is_up()) == 1, timeout=20)
    with _frozen(postgres):
        wait_until(lambda: max(is_up()) == 0, timeout=20)
        began = time.monotonic()
        told = scraped(stand.server)
        assert time.monotonic() - began <= PATIENCE + ALLOWANCE
        assert told("http_request_duration_seconds_count") > 0  # what was counted is told
    wait_until(lambda: min(is_up()) == 1, timeout=20)


@contextmanager
def _frozen(postgres: Postgres) -> Iterator[None]:
    """Nothing of it does anything in this block: the first process goes first, and comes last."""
    first = psutil.Process(_pid(postgres))
    first.suspend()
    others = first.children(recursive=True)
    try:
        for one in others:
            one.suspend()
        yield
    finally:
        for one in [*others, first]:
            with suppress(psutil.NoSuchProcess):
                one.resume()


def _assert_back_in_time(traffic: Traffic, since: float) -> None:
    """Every kind of request that began after this moment soon got what it wanted again."""
    for kind in ("product", "list", "sale"):
        back = [one for one in traffic.answers if one.kind == kind and one.began >= since]
        first = next(one for one in back if one.status == 200)
        assert first.ended - since <= BACK_WITHIN, f"{kind} was away for too long"


def _assert_nothing_is_lost(stand: Stand, traffic: Traffic) -> None:
    """Every acknowledged sale is in the ledger once, every 503 said when to come again."""
    assert {one.retry_after for one in traffic.answers if one.status == 503} <= {"1"}
    ledger = dict(stand.rows(LEDGER, traffic.product_id))
    assert [sale for sale in traffic.sold() if ledger.get(sale) != 1] == []
    assert max(ledger.values()) == 1
    stand.server.manage("verify_stock")  # fails if it finds a difference


def test_a_held_stock_row_stops_its_own_product_and_no_other(stand):
    stuck = stand.product()
    caller = stand.caller()

    def wait_for_it() -> None:
        one = stand.caller()
        begun = time.monotonic()
        status, _, retry_after = one.ask_closely(
            "PATCH", f"/api/v1/inventory/{stuck}", {"quantity_delta": -1}
        )
        answers.append((status, retry_after, time.monotonic() - begun))
        one.close()

    answers: list[tuple[int, str | None, float]] = []
    with (
        psycopg.connect(stand.server.environment["DATABASE_URL"]) as holder,
        stand.traffic().flowing() as traffic,
    ):
        holder.execute(
            "SELECT 1 FROM inventory_stocklevel WHERE product_id = %s FOR UPDATE", [stuck]
        )
        crowd = [Thread(target=wait_for_it) for _ in range(40)]  # more than the server has threads
        for one in crowd:
            one.start()
        traffic.wait_for_more(status=200)
        assert caller.ask("GET", "/health")[0] == 200
        for one in crowd:
            one.join()
    caller.close()
    assert traffic.statuses() == {200}
    assert {(status, after) for status, after, _ in answers} == {(503, "1")}
    assert max(seconds for _, _, seconds in answers) <= REFUSED_WITHIN + ALLOWANCE
    assert stand.rows("SELECT on_hand FROM inventory_stocklevel WHERE product_id = %s", stuck) == [
        (STOCK,)
    ]


def test_without_a_connection_to_be_had_it_says_so_in_time(stand):
    caller = stand.caller()
    path = f"/api/v1/inventory/{stand.product()}"
    address = stand.server.environment["DATABASE_URL"]
    with ExitStack() as taken:
        stand.rows(ENDED)
        with suppress(psycopg.OperationalError):
            while True:
                taken.enter_context(psycopg.connect(address))
        begun = time.monotonic()
        status, document, retry_after = caller.ask_closely("PATCH", path, {"quantity_delta": -1})
        assert (status, retry_after) == (503, "1")
        assert time.monotonic() - begun <= REFUSED_WITHIN + ALLOWANCE
        assert document["errors"][0]["code"] == "service_unavailable"
        assert caller.ask("GET", "/health")[0] == 200
        assert caller.ask("GET", "/ready")[0] == 503
    wait_until(lambda: caller.ask("PATCH", path, {"quantity_delta": -1})[0] == 200)
    caller.close()
