"""Redis killed, frozen, full or full of nonsense: nobody notices, and nothing old is told."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psutil
import pytest

from common.redis import LONGEST_SECONDS
from tests.waiting import wait_until

if TYPE_CHECKING:
    from tests.common.own_redis import OwnRedis

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults")]

LOOKS = 40
"""Enough for every process to be asked, several times over."""

OPENS_WITHIN = 1.0  # seconds: so long a process may take to notice that Redis does not answer
WATCHED_FOR = 4.0  # seconds after that
SLOW = LONGEST_SECONDS
"""A request that waited for Redis took at least so long."""

SLOW_ANYWAY = 0.1
"""The part of them that may take so long because the machine has other tests to run as well;
without a breaker, all of them do."""


class Killed:
    def begin(self, redis: OwnRedis) -> None:
        redis.kill()

    def end(self, redis: OwnRedis) -> None:
        redis.start()


class Frozen:
    def begin(self, redis: OwnRedis) -> None:
        redis.freeze()

    def end(self, redis: OwnRedis) -> None:
        redis.thaw()


class Full:
    def begin(self, redis: OwnRedis) -> None:
        redis.client.config_set("maxmemory-policy", "noeviction")
        redis.client.config_set("maxmemory", "1")

    def end(self, redis: OwnRedis) -> None:
        redis.client.config_set("maxmemory", "0")


class FullOfNonsense:
    def begin(self, redis: OwnRedis) -> None:
        for name in redis.client.scan_iter("*"):
            with redis.client.pipeline() as both:
                both.delete(name)
                both.lpush(name, "of another type")
                both.execute()

    def end(self, redis: OwnRedis) -> None:
        for name in redis.client.scan_iter("*"):
            redis.client.set(name, b"\x00 neither JSON nor a number")


FAULTS = [Killed(), Frozen(), Full(), FullOfNonsense()]


@pytest.fixture
def mended(stand):
    """Whatever the fault was, it is over by the end of the test, however that goes."""
    yield
    stand.redis.kill()
    stand.redis.start()


@pytest.mark.usefixtures("mended")
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_nothing_fails_and_nothing_old_is_told_afterwards(stand, fault):
    with stand.traffic().flowing() as traffic:
        caller, path = stand.caller(), f"/api/v1/products/{traffic.product_id}"

        def names() -> set[str]:
            found = (caller.ask("GET", path)[1] for _ in range(LOOKS))
            return {document["data"]["attributes"]["name"] for document in found}

        traffic.wait_for_more()
        fault.begin(stand.redis)
        traffic.wait_for_more()
        assert caller.ask("PATCH", path, {"name": "Cup"})[0] == 200
        meanwhile = names()
        fault.end(stand.redis)
        afterwards = names()
        traffic.wait_for_more()
        caller.close()
    assert traffic.statuses() == {200}
    assert (meanwhile, afterwards) == ({"Cup"}, {"Cup"})


@pytest.mark.usefixtures("mended")
@pytest.mark.parametrize("fault", [Killed(), Frozen()], ids=lambda fault: type(fault).__name__)
def test_after_a_second_nobody_waits_for_it_any_more(stand, fault):
    """At most one slow request a second for each process (RULES §6): the breaker is open."""
    with stand.traffic(("product",) * 8).flowing() as traffic:
        traffic.wait_for_more()
        fault.begin(stand.redis)
        opens_at = time.monotonic() + OPENS_WITHIN
        over_at = opens_at + WATCHED_FOR
        wait_until(lambda: time.monotonic() >= over_at)
        fault.end(stand.redis)
    watched = [one for one in traffic.answers if opens_at <= one.began < over_at]
    slow = [one for one in watched if one.ended - one.began >= SLOW]
    processes = len(psutil.Process(stand.server.process.pid).children())
    assert traffic.statuses() == {200}
    most = max(processes * WATCHED_FOR, len(watched) * SLOW_ANYWAY)
    assert len(slow) <= most, f"{len(slow)} of {len(watched)} were slow"
