"""What is promised of a replica and of PgBouncer, each as a trial that fails when it is broken."""

from __future__ import annotations

import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import psutil
import psycopg

from tests.deploy.scale_out.pairs import CLIENTS, Client, Reader, tell_of, write_and_list
from tests.faults.traffic import Traffic, stocked_product
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.deploy.scale_out.stand import Stand

DELAY_MS: Final = 800
OPENS_WITHIN: Final = 3.5  # seconds: what is under way gives up, and nobody asks any more
WATCHED_FOR: Final = 4.0
SLOW: Final = 0.5
SLOW_ANYWAY: Final = 0.5
"""The part that may be slow because the machine has other work; without a breaker all are."""
REFUSED_WITHIN: Final = 2.5
ALLOWANCE: Final = 2.0  # seconds, likewise
STOCK: Final = 40
BUYERS: Final = 8


class Broken(AssertionError):
    """A promise is not kept; the text says how."""


def check(condition: object, otherwise: str) -> None:
    if not condition:
        raise Broken(otherwise)


def lists_come_from_the_replica(stand: Stand) -> str:
    """While the replica stands still, who has not written sees the past, in lists alone."""
    wait_until_in_use(stand)
    reader, client = Reader(stand), Client(stand)
    reader.wait_until_seen(client)
    with stand.replica.paused(), closing(reader), closing(client):
        old = client.name
        client.rename()
        check(reader.name_in_list(client) == old, "The list did not come from the replica.")
        check(reader.name_alone(client) == client.name, "A single product came from the replica.")
        check(client.name_in_list() == client.name, "The writer did not see its own write.")
    return "lists come from it, single resources do not"


def wait_until_in_use(stand: Stand) -> None:
    """Until lists are read from the replica."""
    wait_until(lambda: _is_in_use(stand), timeout=60)


def _is_in_use(stand: Stand) -> bool:
    with closing(Client(stand)) as client, closing(Reader(stand)) as reader:
        reader.wait_until_seen(client)
        with stand.replica.paused():
            client.rename()
            return bool(reader.name_in_list(client) != client.name)


def writers_see_their_own_writes(stand: Stand) -> str:
    """With the replica close behind, late, and standing still."""
    conditions = {
        "close behind": lambda: None,
        "late": lambda: stand.replica.delayed(DELAY_MS),
        "standing still": stand.replica.paused,
    }
    told = []
    for name, condition in conditions.items():
        wait_until_in_use(stand)
        found = write_and_list(stand, stand.pairs, condition())
        check(not found.missed, f"{name}: {found.missed} of {found.pairs} own writes were missing.")
        if name != "close behind":
            check(found.seen_late_by_others, f"{name}: nobody saw anything late: nothing is shown.")
        told.append(f"{tell_of(found)} {name}")
    return f"{CLIENTS} clients see all that they wrote: {', '.join(told)}"


def readers_of_the_feed_see_what_it_told(stand: Stand) -> str:
    wait_until_in_use(stand)
    with closing(Client(stand)) as client, closing(Reader(stand)) as reader:
        reader.wait_until_seen(client)
        with stand.replica.paused():
            client.rename()
            check(reader.name_in_list(client) != client.name, "The list is not behind.")
            check(reader.last_event() == client.product_id, "The feed is behind.")
            check(reader.name_in_list(client) == client.name, "The feed told more than the list.")
    return "who was told of a change by GET /events finds it in lists"


def a_killed_replica_is_not_missed(stand: Stand) -> str:
    return _fault(stand, stand.replica.kill, stand.replica.start)


def a_frozen_replica_is_not_missed(stand: Stand) -> str:
    return _fault(stand, stand.replica.freeze, stand.replica.thaw)


def _fault(stand: Stand, begin: Callable[[], None], end: Callable[[], None]) -> str:
    wait_until_in_use(stand)
    product_id = stocked_product(stand.server)
    readers = replace(stand.server, api_key=next(stand.keys))
    with (
        Traffic(readers, product_id, ("list",) * 6).flowing() as lists,
        Traffic(stand.server, product_id, ("sale", "product")).flowing() as others,
    ):
        lists.wait_for_more()
        begin()
        opens_at = time.monotonic() + OPENS_WITHIN
        over_at = opens_at + WATCHED_FOR
        wait_until(lambda: time.monotonic() >= over_at)
        end()
        lists.wait_for_more()
        others.wait_for_more()
    statuses = lists.statuses() | others.statuses()
    check(statuses == {200}, f"Answers were {statuses}.")
    watched = [one for one in lists.answers if opens_at <= one.began < over_at]
    slow = [one for one in watched if one.ended - one.began >= SLOW]
    processes = len(psutil.Process(stand.server.process.pid).children())
    most = max(processes * WATCHED_FOR, len(watched) * SLOW_ANYWAY)
    check(len(slow) <= most, f"{len(slow)} of {len(watched)} lists were slow.")
    longest = max(one.ended - one.began for one in lists.answers)
    check(longest <= OPENS_WITHIN + ALLOWANCE, f"A list took {longest:.1f} s.")
    wait_until_in_use(stand)
    return f"{len(lists.answers)} lists, all 200, the slowest {longest:.1f} s; then used again"


def how_late_it_is_is_told(stand: Stand) -> str:
    wait_until_in_use(stand)
    with closing(Client(stand)) as client, stand.replica.paused():
        client.rename()
        found = wait_until(lambda: _lag(client) or None, timeout=10)
    wait_until(lambda: not _lag(client), timeout=30)
    return f"replica_lag_seconds was {found:.1f} while it stood still, and 0 again"


def _lag(client: Client) -> float:
    return client.figure('replica_lag_seconds{database="replica"}')


def the_last_units_are_sold_once(stand: Stand) -> str:
    """Through PgBouncer, with keys that are sent twice at once: locks of a transaction alone."""
    with closing(Client(stand, stock=STOCK)) as seller:
        keys = [secrets.token_hex(8) for _ in range(2 * STOCK)]
        with ThreadPoolExecutor(BUYERS) as buyers:
            answers = list(buyers.map(lambda key: _sell(stand, seller, key), keys + keys))
        check({*answers} <= {200, 409, 422}, f"Answers were {set(answers)}.")
        answers += [_sell(stand, seller, key) for key in keys]  # some were told to come again
        left = seller.quantity()
        check(left == 0, f"{left} of {STOCK} units are left.")
    sold = _count(stand, seller.product_id, keys)
    check(sold == STOCK, f"{sold} sales are in the ledger.")
    stand.server.manage("verify_stock")
    return f"{len(answers)} sales of {STOCK} units sold them once each; verify_stock is clean"


def _sell(stand: Stand, seller: Client, key: str) -> int:
    """With the server's own client: all of them are the same one."""
    with closing(stand.caller(stand.server.api_key)) as caller:
        sale = {"quantity_delta": -1, "reference": key}
        path = f"/api/v1/inventory/{seller.product_id}"
        return caller.ask("PATCH", path, sale, **{"Idempotency-Key": key})[0]


def _count(stand: Stand, product_id: str, references: list[str]) -> int:
    statement = """
        SELECT count(*), count(DISTINCT reference) FROM inventory_stockmovement
        WHERE product_id = %s AND reference = ANY(%s)
    """
    with psycopg.connect(stand.primary.superuser_url) as connection:
        found = connection.execute(statement, [product_id, references]).fetchall()
    ((sold, different),) = found
    check(sold == different, "A key was applied twice.")
    return int(sold)


def time_outs_hold_behind_the_pooler(stand: Stand) -> str:
    """Of the lock, by the role's default; of the pool, by PgBouncer's own."""
    held = stocked_product(stand.server)
    statement = "SELECT 1 FROM inventory_stocklevel WHERE product_id = %s FOR UPDATE"
    answers: list[tuple[int, float]] = []

    def sell() -> None:
        with closing(stand.caller(stand.server.api_key)) as caller:
            began = time.monotonic()
            status, _ = caller.ask("PATCH", f"/api/v1/inventory/{held}", {"quantity_delta": -1})
            answers.append((status, time.monotonic() - began))

    with psycopg.connect(stand.primary.superuser_url) as holder:
        holder.execute(statement, [held])
        crowd = [threading.Thread(target=sell) for _ in range(16)]
        for one in crowd:
            one.start()
        for one in crowd:
            one.join()
    check({status for status, _ in answers} == {503}, f"Answers were {answers}.")
    longest = max(seconds for _, seconds in answers)
    check(longest <= REFUSED_WITHIN + ALLOWANCE, f"The last refusal took {longest:.1f} s.")
    return f"a held row is 503 within {longest:.1f} s for {len(answers)} who want it"


PROMISES: Final[dict[str, Callable[[Stand], str]]] = {
    "a list may lag": lists_come_from_the_replica,
    "read your own writes": writers_see_their_own_writes,
    "read what you were told": readers_of_the_feed_see_what_it_told,
    "the lag is known": how_late_it_is_is_told,
    "the replica is killed": a_killed_replica_is_not_missed,
    "the replica freezes": a_frozen_replica_is_not_missed,
    "stock through PgBouncer": the_last_units_are_sold_once,
    "time-outs through PgBouncer": time_outs_hold_behind_the_pooler,
}
