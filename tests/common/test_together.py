"""Who waits for the same thing is taken along by the next one in front, and loses nothing by it."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar
from functools import partial
from threading import Event, current_thread
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from django.db import IntegrityError, OperationalError
from prometheus_client import Histogram

from common.bulkhead import Bulkhead, TooManyWait
from common.together import Together
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

WAITED = Histogram("together_waited_seconds", "In tests.", registry=None)
LONG = 10.0  # seconds: what is waited for comes long before
SHORT = 0.05

name: ContextVar[str] = ContextVar("name", default="nobody")


class Counter:
    """Grants wishes one batch after the other; the first batch only when the door is opened."""

    def __init__(self, *, places: int = 100, patience: float = LONG) -> None:
        self.together: Together[str, Any, Any] = Together(
            self.grant, Bulkhead(places=places, patience=patience), WAITED
        )
        self.batches: list[list[Any]] = []
        self.threads: set[str] = set()
        self.door, self.is_held = Event(), Event()
        self.act: Callable[[Any], Any] = lambda wanted: (wanted, name.get())
        """What comes of one wish."""
        self.before: Callable[[Sequence[Any]], object] = len
        """What may fail for all."""

    def grant(self, thing: str, wishes: Sequence[Any]) -> list[Any]:
        if thing == "mug" and not self.door.is_set():
            self.is_held.set()
            assert self.door.wait(LONG)
        self.batches.append([wish.wanted for wish in wishes])
        self.threads.add(current_thread().name)
        self.before([wish.wanted for wish in wishes])
        return [wish.context.run(self.act, wish.wanted) for wish in wishes]

    def has(self, waiting: int) -> bool:
        queues = self.together._queues.values()
        return sum(len(queue.waiting) for queue in queues) == waiting


class Crowd:
    """Threads that ask one after the other, each in a name of its own."""

    def __init__(self, counter: Counter, threads: ThreadPoolExecutor) -> None:
        self.counter, self._threads = counter, threads

    def asks(self, wanted: Any) -> Future[Any]:
        def ask() -> Any:
            name.set(f"thread of {wanted}")
            return self.counter.together.ask("mug", wanted)

        return self._threads.submit(ask)

    def queues(self, *wanted: Any) -> list[Future[Any]]:
        """The first is in front, and the others behind it, in this order."""
        asked = [self.asks(wanted[0])]
        assert self.counter.is_held.wait(LONG)
        for number, one in enumerate(wanted[1:], start=1):
            asked.append(self.asks(one))
            wait_until(partial(self.counter.has, number))
        return asked


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(16) as threads:
        yield threads


def outcomes(asked: list[Future[Any]]) -> list[Any]:
    return [one.exception(LONG) or one.result(LONG) for one in asked]


def test_who_comes_alone_is_served_at_once():
    counter = Counter()
    counter.door.set()
    assert counter.together.ask("mug", 1) == (1, "nobody")
    assert counter.together._queues == {}


def test_those_who_wait_are_granted_in_one_call_in_their_order_each_in_its_own_context(threads):
    counter = Counter()
    asked = Crowd(counter, threads).queues(*range(8))
    counter.door.set()
    assert outcomes(asked) == [(number, f"thread of {number}") for number in range(8)]
    assert counter.batches == [[0], [1, 2, 3, 4, 5, 6, 7]]
    assert len(counter.threads) == 2
    assert counter.together._queues == {}


def test_no_more_than_there_are_places_are_granted_at_once(threads):
    counter = Counter(places=3)
    asked = Crowd(counter, threads).queues(*range(8))
    counter.door.set()
    assert [wanted for wanted, _ in outcomes(asked)] == list(range(8))
    assert counter.batches == [[0], [1, 2, 3], [4, 5, 6], [7]]


def test_different_things_do_not_wait_for_each_other(threads):
    counter = Counter()
    asked = Crowd(counter, threads).queues(1, 2)
    assert counter.together.ask("plate", 7) == (7, "nobody")
    assert not any(one.done() for one in asked)
    counter.door.set()
    outcomes(asked)
    assert counter.together._queues == {}


class TestFailures:
    def test_one_broken_wish_harms_nobody_else(self, threads):
        counter = Counter()
        asked = Crowd(counter, threads).queues(0, 1, "broken", 3)

        def refuse(wanted: Sequence[Any]) -> None:
            if "broken" in wanted:
                raise IntegrityError

        counter.before = refuse
        counter.door.set()
        first, second, broken, last = outcomes(asked)
        assert [first[0], second[0], last[0]] == [0, 1, 3]
        assert isinstance(broken, IntegrityError)
        assert counter.batches == [[0], [1, "broken", 3], [1], ["broken"], [3]]
        assert counter.together._queues == {}

    def test_trouble_that_has_nothing_to_do_with_the_wishes_is_everybodys(self, threads):
        """Each by itself would meet it again, and wait for it again."""
        counter = Counter()
        asked = Crowd(counter, threads).queues(0, 1, 2)

        def fail(wanted: Sequence[Any]) -> None:
            if 1 in wanted:
                raise OperationalError

        counter.before = fail
        counter.door.set()
        first, *others = outcomes(asked)
        assert first == (0, "thread of 0")
        assert [type(one) for one in others] == [OperationalError] * 2
        assert counter.batches == [[0], [1, 2]]
        assert counter.together._queues == {}

    def test_the_end_of_the_thread_in_front_strands_nobody(self, threads):
        counter = Counter()
        asked = Crowd(counter, threads).queues(0, 1, 2, 3)
        ended = []

        def end(wanted: Sequence[Any]) -> None:
            if 1 in wanted and not ended:
                ended.append(True)
                raise SystemExit

        counter.before = end
        counter.door.set()
        first, leaving, *others = outcomes(asked)
        assert isinstance(leaving, SystemExit)
        assert first[0] == 0
        assert [type(one) for one in others] == [TooManyWait, TooManyWait], "it may have been done"
        assert counter.together.ask("mug", 4) == (4, "nobody")
        assert counter.together._queues == {}


class TestPatience:
    def test_who_waits_while_nothing_moves_is_refused(self, threads):
        counter = Counter(patience=SHORT)
        front, waits = Crowd(counter, threads).queues(1, 2)
        assert isinstance(waits.exception(LONG), TooManyWait)
        assert not front.done()
        counter.door.set()
        assert front.result(LONG)[0] == 1
        assert counter.batches == [[1]], "what was refused was done"
        assert counter.together._queues == {}

    def test_who_is_patient_waits(self, threads):
        """The negative control: it is the patience that refuses."""
        front, waits = Crowd(counter := Counter(patience=LONG), threads).queues(1, 2)
        with pytest.raises(TimeoutError):
            waits.result(3 * SHORT)
        counter.door.set()
        assert [one[0] for one in outcomes([front, waits])] == [1, 2]

    def test_who_has_been_taken_along_waits_for_what_comes_of_it(self, threads, monkeypatch):
        """It may have been done by then: a refusal would be a lie. The clock stands meanwhile."""
        now = [0.0]
        clock = SimpleNamespace(monotonic=lambda: now[0])
        monkeypatch.setattr("common.together.time", clock)
        counter = Counter(patience=SHORT)
        taken, go_on = Event(), Event()

        def dawdle(wanted: Sequence[Any]) -> None:
            if 1 in wanted:
                taken.set()
                assert go_on.wait(LONG)

        counter.before = dawdle
        asked = Crowd(counter, threads).queues(0, 1, 2)
        counter.door.set()
        assert taken.wait(LONG)
        now[0] = LONG
        late = Crowd(counter, threads).asks(3)
        assert isinstance(late.exception(LONG), TooManyWait)  # so the patience is over
        assert not asked[2].done()
        go_on.set()
        assert [wanted for wanted, _ in outcomes(asked)] == [0, 1, 2]
        assert counter.together._queues == {}
