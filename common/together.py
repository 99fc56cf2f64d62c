"""What several threads want of the same thing at once, done by one of them for all.

A row that everybody wants is a queue: whoever is in front holds it for as long as a transaction
takes, and all others wait. So those who wait here are taken along by the next one in front, whose
transaction does for all of them (the *flat combining* of Hendler, Incze, Shavit and Tzafrir).
"""

from __future__ import annotations

import time
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import TYPE_CHECKING, Generic, TypeVar

from django.db import OperationalError

from common.bulkhead import TooManyWait

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from prometheus_client import Histogram

    from common.bulkhead import Bulkhead

T = TypeVar("T", bound="Hashable")
W = TypeVar("W")
R = TypeVar("R")


@dataclass(slots=True, eq=False)
class Wish(Generic[W, R]):
    """What one thread wants, in whose name, and what came of it."""

    wanted: W
    context: Context = field(default_factory=copy_context)
    outcome: R | None = None
    failure: Exception | None = None
    may_go_on: Event = field(default_factory=Event)
    """Set when it is granted, when it failed, or when this thread is to go in front."""


@dataclass(slots=True)
class _Queue(Generic[W, R]):
    """Those who wait behind the one in front, and when that one went there."""

    waiting: list[Wish[W, R]] = field(default_factory=list)
    moved_at: float = field(default_factory=time.monotonic)


class Together(Generic[T, W, R]):
    """Grants wishes for the same thing together, in the order in which they came.

    ``grant`` is called with a thing and some wishes for it, by one thread at a time for each
    thing, and returns an outcome for each. When it raises, nothing has been done. As many threads
    as the bulkhead has places are bound to one call of it; who is not taken along is refused once
    nobody has gone in front for as long as its patience lasts.
    """

    def __init__(
        self,
        grant: Callable[[T, Sequence[Wish[W, R]]], Sequence[R]],
        bulkhead: Bulkhead,
        waiting: Histogram,
    ) -> None:
        """``waiting`` counts for how long those waited who did not go in front at once."""
        self._grant = grant
        self._bulkhead = bulkhead
        self._waiting = waiting
        self._lock = Lock()
        self._queues: dict[T, _Queue[W, R]] = {}

    def ask(self, thing: T, wanted: W) -> R:
        """The outcome of one wish, granted by this thread or by another one.

        Raises what ``grant`` raises, and TooManyWait.
        """
        mine = Wish[W, R](wanted)
        with self._lock:
            self._refuse_if_stuck(thing)
            is_first = thing not in self._queues
            queue = self._queues.setdefault(thing, _Queue())
            if not is_first:
                queue.waiting.append(mine)
        if not is_first:
            with self._waiting.time():
                self._wait(queue, mine)
        if mine.outcome is None and mine.failure is None:
            self._go_in_front(thing, queue, mine)
        if mine.failure is not None:
            raise mine.failure
        return mine.outcome  # type: ignore[return-value]  # then it is there

    def _refuse_if_stuck(self, thing: T) -> None:
        """So that threads stay free for other things."""
        queue = self._queues.get(thing)
        if queue and queue.moved_at + self._bulkhead.patience <= time.monotonic():
            raise TooManyWait("Too many wait for the same thing.")

    def _wait(self, queue: _Queue[W, R], mine: Wish[W, R]) -> None:
        """Until another thread has done it, it is this one's turn, or nothing moves any more."""
        while not mine.may_go_on.wait(self._bulkhead.patience):
            with self._lock:
                if mine not in queue.waiting:
                    break
                if queue.moved_at + self._bulkhead.patience <= time.monotonic():
                    queue.waiting.remove(mine)
                    mine.failure = TooManyWait("Too many wait for the same thing.")
                    return
        mine.may_go_on.wait()

    def _go_in_front(self, thing: T, queue: _Queue[W, R], mine: Wish[W, R]) -> None:
        with self._lock:
            queue.moved_at = time.monotonic()
            taken = self._bulkhead.places - 1
            others, queue.waiting = queue.waiting[:taken], queue.waiting[taken:]
        try:
            self._do([mine, *others], thing)
        finally:
            with self._lock:
                if queue.waiting:
                    queue.waiting.pop(0).may_go_on.set()
                elif self._queues.get(thing) is queue:
                    del self._queues[thing]
            for other in others:
                if other.outcome is None and other.failure is None:  # nobody knows what was done
                    other.failure = TooManyWait("Whoever was in front has been stopped.")
                other.may_go_on.set()

    def _do(self, wishes: Sequence[Wish[W, R]], thing: T) -> None:
        """Grant them together; if one of them is broken, each by itself."""
        try:
            for wish, outcome in zip(wishes, self._grant(thing, wishes), strict=True):
                wish.outcome = outcome
        except OperationalError as error:  # which has nothing to do with what they want
            for wish in wishes:
                wish.failure = error
        except Exception as error:
            if len(wishes) == 1:
                wishes[0].failure = error
                return
            for wish in wishes:
                self._do([wish], thing)
