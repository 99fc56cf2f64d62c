"""Threads that send, and how many of them one endpoint may keep busy."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING, Final

from common.webhooks.sending import send
from common.webhooks.settling import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from uuid import UUID

    from common.webhooks.claiming import Pace
    from common.webhooks.models import WebhookDelivery

SLOW_AFTER: Final = 2.0
"""Seconds after which an attempt is a slow one, and its endpoint goes to the lane of the slow."""


class Lane:
    """Threads for the attempts of some endpoints. They have no connection to the database.

    A thread that waits for a dead endpoint is lost for fifteen seconds. So endpoints that are slow
    have a lane of their own, as have those of which nothing is known yet, and in each lane nothing
    more is taken for an endpoint that has ``each`` attempts under way. One that fails at once
    holds nobody up, and stays among the quick. Used by one thread; only ``freed`` is called by
    others, when an attempt has ended.
    """

    def __init__(self, pace: Pace, *, threads: int, each: int, freed: Callable[[], None]) -> None:
        self.pace: Pace = pace
        self.each = each
        self._threads = threads
        self._freed = freed
        self._waiting: SimpleQueue[WebhookDelivery | None] = SimpleQueue()
        self._ended: SimpleQueue[Result] = SimpleQueue()
        self._under_way: dict[tuple[UUID, datetime | None], tuple[UUID, float]] = {}

    def start(self) -> None:
        for _ in range(self._threads):
            Thread(target=self._send, name="webhooks", daemon=True).start()

    def stop(self) -> None:
        """No thread begins another attempt; the process does not wait for those under way."""
        for _ in range(self._threads):
            self._waiting.put(None)

    @property
    def room(self) -> int:
        """How many attempts can begin at once."""
        return self._threads - len(self._under_way)

    @property
    def is_empty(self) -> bool:
        return not self._under_way

    def busy(self) -> set[UUID]:
        """The endpoints that have their share of the threads."""
        counts = Counter(endpoint_id for endpoint_id, _ in self._under_way.values())
        return {endpoint_id for endpoint_id, count in counts.items() if count >= self.each}

    def lagging(self) -> set[UUID]:
        """The endpoints that have kept a thread waiting for long."""
        latest = monotonic() - SLOW_AFTER
        return {endpoint_id for endpoint_id, since in self._under_way.values() if since < latest}

    def take(self, deliveries: Iterable[WebhookDelivery]) -> None:
        for delivery in deliveries:
            self._under_way[_claim(delivery)] = (delivery.endpoint_id, monotonic())
            self._waiting.put(delivery)

    def ended(self) -> list[Result]:
        """What has come to an end since the last time, in that order."""
        results = []
        with suppress(Empty):
            while True:
                results.append(self._ended.get_nowait())
        for result in results:
            del self._under_way[_claim(result.delivery)]
        return results

    def _send(self) -> None:
        while delivery := self._waiting.get():
            self._ended.put(Result(delivery, send(delivery)))
            self._freed()


def _claim(delivery: WebhookDelivery) -> tuple[UUID, datetime | None]:
    """The same delivery may be asked for again while it is under way: that is another claim."""
    return delivery.pk, delivery.next_attempt_at
