"""Few wait for the same thing, and whoever finds them waiting for too long is refused."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, BrokenBarrierError, Event
from types import SimpleNamespace

import pytest

from common import bulkhead as bulkheads
from common.bulkhead import Bulkhead, TooManyWait

LONG = 10.0  # seconds: what is waited for comes long before


def taken(bulkhead: Bulkhead, *keys: str) -> bool:
    with bulkhead.place(*keys):
        return True


def test_everybody_gets_in_where_there_is_room():
    bulkhead = Bulkhead(places=2, patience=0)
    with bulkhead.place("mug"):
        assert taken(bulkhead, "mug")
        assert taken(bulkhead, "mug")  # the place before was given back


def test_one_who_finds_the_others_waiting_for_too_long_is_refused():
    bulkhead = Bulkhead(places=1, patience=0)
    with bulkhead.place("mug"), pytest.raises(TooManyWait):
        taken(bulkhead, "mug")


def test_what_others_wait_for_stops_nobody_else():
    bulkhead = Bulkhead(places=1, patience=0)
    with bulkhead.place("mug"):
        assert taken(bulkhead, "plate")
        with pytest.raises(TooManyWait):
            taken(bulkhead, "plate", "mug")
        assert taken(bulkhead, "plate"), "a refusal kept a place"


def test_who_has_it_needs_no_place_to_have_it_again():
    """Those who have the places wait for this very thread; others have no advantage of that."""
    bulkhead = Bulkhead(places=1, patience=0)
    with bulkhead.place("mug"), bulkhead.place("cup"), bulkhead.passed("mug"):
        assert taken(bulkhead, "mug")
        with pytest.raises(TooManyWait):
            taken(bulkhead, "mug", "cup")
        with ThreadPoolExecutor(1) as threads, pytest.raises(TooManyWait):
            threads.submit(taken, bulkhead, "mug").result()
        with bulkhead.passed("cup"):
            assert taken(bulkhead, "mug", "cup")
    with bulkhead.place("mug"), pytest.raises(TooManyWait):
        taken(bulkhead, "mug")


def test_a_failure_gives_the_place_back():
    bulkhead = Bulkhead(places=1, patience=0)
    with pytest.raises(ZeroDivisionError), bulkhead.place("mug"):
        raise ZeroDivisionError
    assert taken(bulkhead, "mug")


def test_those_who_come_while_places_change_hands_wait_for_theirs():
    bulkhead = Bulkhead(places=1, patience=LONG)
    left = Event()

    def second() -> bool:
        with bulkhead.place("mug"):
            return left.is_set()

    with ThreadPoolExecutor(1) as threads:
        with bulkhead.place("mug"):
            waits = threads.submit(second)
            assert not waits.done()
            left.set()
        assert waits.result(LONG)


@pytest.mark.parametrize(("places", "meet"), [(2, False), (3, True)])
def test_never_more_than_there_are_places(places, meet):
    """Three can only meet inside where there are three places: the negative control."""
    bulkhead = Bulkhead(places=places, patience=LONG)
    inside = Barrier(3, timeout=LONG if meet else 0.1)

    def enter(_: int) -> bool:
        with bulkhead.place("mug"):
            try:
                inside.wait()
            except BrokenBarrierError:
                return False
            return True

    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(enter, range(3))) == [meet] * 3


def test_who_comes_late_to_a_queue_that_moves_waits(monkeypatch):
    """The clock stands where the first has waited too long, and another got it just now."""
    clock = iter([0.0, 0.0, 0.3, *[0.6] * 1_000])
    monkeypatch.setattr(bulkheads, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    bulkhead = Bulkhead(places=2, patience=0.5)
    first, last = bulkhead.place("mug"), bulkhead.place("mug")
    with ThreadPoolExecutor(1) as threads:
        with first:
            assert taken(bulkhead, "mug")  # at 0.3
            with last:
                late = threads.submit(taken, bulkhead, "mug")
                with pytest.raises(TimeoutError):
                    late.result(0.05)
        assert late.result(LONG)
