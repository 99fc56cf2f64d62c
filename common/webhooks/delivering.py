"""Delivering webhooks: claim what is due, have it sent, settle what came of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING, Final

from django.db import InterfaceError, OperationalError, close_old_connections, connection

from common.observability.duties import duties
from common.observability.logs import get_logger
from common.webhooks.claiming import LEASE, claim
from common.webhooks.lanes import SLOW_AFTER, Lane
from common.webhooks.posting import BODY_TIMEOUT, TIMEOUT
from common.webhooks.settling import settle

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from common.webhooks.settling import Result

logger: Final = get_logger(__name__)

QUICK_THREADS: Final = 96
QUICK_EACH: Final = 16
NEW_THREADS: Final = 32
NEW_EACH: Final = 2
SLOW_THREADS: Final = 64
SLOW_EACH: Final = 4
"""Threads of a lane, and how many of them one endpoint may have and still be given more."""
PACE: Final = 0.01
"""Seconds between two rounds: what comes meanwhile is settled and claimed together."""
IDLE: Final = 0.2
"""Seconds until somebody with nothing to do looks again."""
PAUSE: Final = 1.0
"""Seconds until a database that is away is asked again."""
PATIENCE: Final = TIMEOUT + BODY_TIMEOUT
"""Seconds for the attempts that are under way when we are to stop."""
DUTY: Final = "deliver"
OUTAGE: Final = (OperationalError, InterfaceError)


class Deliverer:
    """Delivers until told to stop; any number of them share the work row by row.

    One thread alone talks to the database, so the others are cheap, and no transaction is open
    while something is sent. What is not settled, for whatever reason, comes due by itself once
    its claim has run out: an event may be sent twice, and never gets lost.
    """

    def __init__(self) -> None:
        self._freed = Event()
        freed = self._freed.set
        self._lanes = (
            Lane("quick", threads=QUICK_THREADS, each=QUICK_EACH, freed=freed),
            Lane("new", threads=NEW_THREADS, each=NEW_EACH, freed=freed),
            Lane("slow", threads=SLOW_THREADS, each=SLOW_EACH, freed=freed),
        )
        self._quick_ones: set[UUID] = set()
        self._slow_ones: set[UUID] = set()
        self._results: list[Result] = []
        self._failures = 0

    def run(self, stop: Event) -> None:
        """Deliver; once told to stop, end what is under way, for 16 seconds at most."""
        for lane in self._lanes:
            lane.start()
        while not stop.is_set():
            duties.note(DUTY)
            self._rest(stop, self._attempt_round())
        duties.forget(DUTY)
        self._finish()
        for lane in self._lanes:
            lane.stop()
        connection.close()

    def _attempt_round(self) -> int | None:
        """How many were claimed; None when it failed."""
        try:
            close_old_connections()
            claimed = self._round()
        except Exception as error:
            self._note(error)
            return None
        if self._failures:
            logger.info("webhooks_resumed", failures=self._failures)
            self._failures = 0
        return claimed

    def _rest(self, stop: Event, claimed: int | None) -> None:
        stop.wait(PAUSE if claimed is None else PACE)
        if claimed == 0:
            self._freed.wait(IDLE)
        self._freed.clear()

    def _round(self) -> int:
        self._settle()
        slow = self._slow_ones.union(*(lane.lagging() for lane in self._lanes))
        return sum(self._fill(lane, slow) for lane in self._lanes if lane.room)

    def _fill(self, lane: Lane, slow: set[UUID]) -> int:
        deliveries = claim(
            most=lane.room,
            each=lane.each,
            pace=lane.pace,
            quick=self._quick_ones,
            slow=slow,
            busy=lane.busy(),
        )
        lane.take(deliveries)
        return len(deliveries)

    def _settle(self) -> None:
        """Settle what has ended; what cannot be settled now is kept while its claim lasts."""
        for lane in self._lanes:
            self._results += lane.ended()
        oldest = datetime.now(UTC) - timedelta(seconds=LEASE)
        self._results = [result for result in self._results if result.outcome.at > oldest]
        if self._results:
            self._remember_their_pace()
            self._results = _settled(self._results)

    def _remember_their_pace(self) -> None:
        for result in self._results:
            is_slow = result.outcome.duration_ms >= SLOW_AFTER * 1_000
            known, other = self._quick_ones, self._slow_ones
            if is_slow:
                known, other = other, known
            known.add(result.delivery.endpoint_id)
            other.discard(result.delivery.endpoint_id)

    def _finish(self) -> None:
        give_up_at = monotonic() + PATIENCE
        while self._is_at_work() and monotonic() < give_up_at:
            try:
                close_old_connections()
                self._settle()
            except Exception as error:
                self._note(error)
            self._freed.wait(PACE)
            self._freed.clear()
        if self._is_at_work():
            logger.warning("webhooks_left", results=len(self._results))

    def _is_at_work(self) -> bool:
        return bool(self._results) or not all(lane.is_empty for lane in self._lanes)

    def _note(self, error: Exception) -> None:
        """The first failure of an outage is news; a bug is one each time."""
        self._failures += 1
        if not isinstance(error, OUTAGE):
            logger.error("webhooks_broken", exc_info=error)
        elif self._failures == 1:
            logger.warning("webhooks_paused", error=type(error).__name__)


def _settled(results: Sequence[Result]) -> list[Result]:
    """Settle them together; one that cannot be settled at all does not keep the others back."""
    try:
        return settle(results)
    except OUTAGE:
        raise
    except Exception:
        logger.exception("webhooks_settled_singly", results=len(results))
    return [left for result in results for left in _settled_alone(result)]


def _settled_alone(result: Result) -> list[Result]:
    try:
        return settle([result])
    except OUTAGE:
        raise
    except Exception:
        logger.exception("webhook_not_settled", delivery_id=str(result.delivery.pk))
        return []
