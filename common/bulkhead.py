"""A bound on how many threads wait for the same thing, so that the others stay free.

A web process has few threads. If one stock level is held for long, all who want it would take a
thread each, and nobody else would be served: one product would stop the shop (the bulkhead of
M. Nygard's *Release It!*).
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition, local
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import OperationalError

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterator


class TooManyWait(OperationalError):
    """Enough threads of this process wait for the same thing already; nothing was done."""


@dataclass(slots=True)
class _Queue:
    """Those who wait for one thing, and when one of them last got it (monotonic seconds)."""

    moved_at: float
    length: int = 0


class Bulkhead:
    """At most ``places`` threads of this process wait for the same thing at once.

    Those that come then wait here, where it costs nothing, while the queue moves. Once nobody
    has got it for ``patience`` seconds, they are refused at once.
    """

    def __init__(self, *, places: int, patience: float) -> None:
        self.places = places
        self.patience = patience
        self._change = Condition()
        self._queues: dict[Hashable, _Queue] = {}
        self._own = local()

    @contextmanager
    def passed(self, *keys: Hashable) -> Iterator[None]:
        """For this block the thread has got what these keys stand for, and needs no place for it.

        Whoever waits there waits for this very thread: in line behind them it would never end.
        """
        before: frozenset[Hashable] = getattr(self._own, "keys", frozenset())
        self._own.keys = before | set(keys)
        try:
            yield
        finally:
            self._own.keys = before

    @contextmanager
    def place(self, *keys: Hashable) -> Iterator[None]:
        """A place in the queue for each key, for this block. Refuses with TooManyWait."""
        if own := getattr(self._own, "keys", None):
            keys = tuple(key for key in keys if key not in own)
        with self._change:
            while full := [queue for key in keys if (queue := self._full_queue(key))]:
                left = min(queue.moved_at for queue in full) + self.patience - time.monotonic()
                if left <= 0:
                    raise TooManyWait("Too many wait for the same thing.")
                self._change.wait(left)
            for key in keys:
                self._queues.setdefault(key, _Queue(time.monotonic())).length += 1
        got_it = False
        try:
            yield
            got_it = True
        finally:
            self._leave(keys, got_it=got_it)

    def _full_queue(self, key: Hashable) -> _Queue | None:
        queue = self._queues.get(key)
        return queue if queue and queue.length >= self.places else None

    def _leave(self, keys: Collection[Hashable], *, got_it: bool) -> None:
        with self._change:
            for key in keys:
                queue = self._queues[key]
                queue.length -= 1
                if got_it:
                    queue.moved_at = time.monotonic()
                if not queue.length:
                    del self._queues[key]
            self._change.notify_all()


lock_queue: Final = Bulkhead(places=settings.STOCK_LOCK_WAITERS, patience=0.5)
"""Those who wait for the lock of a row: keys are the ids of what it belongs to."""
