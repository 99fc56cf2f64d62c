"""Who waits for a dead endpoint, and for how many of its deliveries at once."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from common.webhooks import delivering, lanes
from common.webhooks.delivering import Deliverer
from common.webhooks.lanes import Lane
from common.webhooks.models import WebhookDelivery
from common.webhooks.posting import Outcome
from common.webhooks.settling import Result
from tests.waiting import wait_until

SHOP, DEAD = uuid4(), uuid4()


def a_delivery(endpoint_id: UUID) -> WebhookDelivery:
    return WebhookDelivery(endpoint_id=endpoint_id, event_id=uuid4(), next_attempt_at=now())


def now() -> datetime:
    return datetime.now(UTC)


def result(endpoint_id: UUID, *, milliseconds: int) -> Result:
    return Result(a_delivery(endpoint_id), Outcome(now(), milliseconds, 200))


@pytest.fixture
def lane(monkeypatch):
    """Four threads, two for each endpoint; attempts at the dead one take until the test is over."""
    is_over = threading.Event()

    def send(delivery: WebhookDelivery) -> Outcome:
        if delivery.endpoint_id == DEAD:
            is_over.wait(30)
        return Outcome(now(), 1, 200)

    monkeypatch.setattr(lanes, "send", send)
    freed = threading.Event()
    made = Lane("quick", threads=4, each=2, freed=freed.set)
    made.start()
    yield made, freed
    is_over.set()
    made.stop()


def test_a_lane_knows_its_room_and_who_has_a_share_of_it(lane):
    threads, freed = lane
    assert (threads.room, threads.is_empty, threads.busy()) == (4, True, set())
    threads.take([a_delivery(DEAD), a_delivery(DEAD), a_delivery(SHOP)])
    assert (threads.room, threads.is_empty, threads.busy()) == (1, False, {DEAD})
    assert freed.wait(10)
    ended = wait_until(threads.ended)
    assert [one.delivery.endpoint_id for one in ended] == [SHOP]
    assert (threads.room, threads.is_empty, threads.ended()) == (2, False, [])


def test_a_lane_knows_who_keeps_it_waiting(lane, monkeypatch):
    threads, _ = lane
    threads.take([a_delivery(DEAD)])
    assert threads.lagging() == set()
    monkeypatch.setattr(lanes, "SLOW_AFTER", 0)
    assert wait_until(threads.lagging) == {DEAD}


def test_the_same_delivery_may_be_under_way_twice(lane):
    """Somebody has asked for it again meanwhile: that is another claim."""
    threads, _ = lane
    first = a_delivery(SHOP)
    again = WebhookDelivery(pk=first.pk, endpoint_id=SHOP, next_attempt_at=now())
    threads.take([first, again])
    ended: list[Result] = []
    wait_until(lambda: ended.extend(threads.ended()) or len(ended) == 2)
    assert threads.is_empty


def test_an_endpoint_is_claimed_among_those_of_its_latest_pace(monkeypatch):
    claims: list[tuple[set[UUID], set[UUID]]] = []

    def claim(*, quick, slow, **_):
        claims.append((set(quick), set(slow)))
        return []

    results: list[Result] = []
    monkeypatch.setattr(delivering, "claim", claim)
    monkeypatch.setattr(delivering, "settle", lambda _: [])
    monkeypatch.setattr(Lane, "ended", lambda lane: results if lane.pace == "quick" else [])
    deliverer = Deliverer()

    def claimed_after(milliseconds: int) -> list[tuple[set[UUID], set[UUID]]]:
        claims.clear()
        results[:] = [result(DEAD, milliseconds=milliseconds), result(SHOP, milliseconds=5)]
        deliverer._round()
        return list(claims)

    assert claimed_after(9_000) == [({SHOP}, {DEAD})] * 3
    assert claimed_after(20) == [({SHOP, DEAD}, set())] * 3
    assert claimed_after(9_000) == [({SHOP}, {DEAD})] * 3
