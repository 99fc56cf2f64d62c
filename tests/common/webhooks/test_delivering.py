"""The relay's part of webhooks: all is delivered, and one endpoint never delays another."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from django.db import InterfaceError, OperationalError, connections

from common.webhooks import delivering, lanes, posting
from common.webhooks.claiming import claim
from common.webhooks.delivering import Deliverer
from common.webhooks.models import WebhookDelivery, WebhookEndpoint
from tests.common.webhooks.rows import an_endpoint, deliveries_to, fresh, make_due
from tests.common.webhooks.sinks import head, listening, sink
from tests.waiting import wait_until

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from tests.common.webhooks.sinks import Received

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@contextmanager
def relay() -> Iterator[threading.Event]:
    """Webhooks are delivered while this lasts, or until the event is set."""
    stop = threading.Event()
    thread = threading.Thread(target=Deliverer().run, args=[stop])
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()


@contextmanager
def hanging() -> Iterator[tuple[str, list[int]]]:
    """The URL of a server that takes every call and answers none, and the calls so far."""
    is_over = threading.Event()
    calls: list[int] = []

    def talk(_: socket.socket) -> None:
        calls.append(1)
        is_over.wait(60)

    with listening(talk, threads=64) as port:
        try:
            yield f"http://127.0.0.1:{port}/", calls
        finally:
            is_over.set()


def is_delivered(*endpoints: WebhookEndpoint) -> bool:
    rows = WebhookDelivery.objects.filter(endpoint__in=endpoints)
    return not rows.exclude(status="delivered").exists()


def test_what_is_due_is_delivered_and_what_fails_comes_again(settings):
    settings.WEBHOOK_RETRY_SECONDS = [0, 0, 0]
    answers = iter([500, 302, 200])
    with sink(lambda _: next(answers)) as receiver:
        endpoint = an_endpoint(receiver.url)
        (delivery,) = deliveries_to(endpoint)
        with relay():
            wait_until(lambda: is_delivered(endpoint))
    assert [one["status_code"] for one in fresh(delivery).attempts] == [500, 302, 200]
    assert len(set(receiver.ids)) == 1


def test_what_comes_later_is_delivered_too():
    with sink() as receiver, relay():
        endpoint = an_endpoint(receiver.url)
        for count in (1, 2, 3):
            deliveries_to(endpoint)
            receiver.wait_for(count)
        wait_until(lambda: is_delivered(endpoint))
    assert len(set(receiver.ids)) == 3


def test_several_relays_share_the_work():
    with sink() as receiver:
        endpoint = an_endpoint(receiver.url)
        deliveries_to(endpoint, 60)
        with relay(), relay(), relay():
            wait_until(lambda: is_delivered(endpoint))
    assert len(receiver.ids) == len(set(receiver.ids)) == 60


def small_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow this machine is, nobody is slow here but the dead."""
    small = {"QUICK_THREADS": 8, "QUICK_EACH": 3, "SLOW_THREADS": 4}
    for name, value in (small | {"NEW_THREADS": 8, "NEW_EACH": 3}).items():
        monkeypatch.setattr(delivering, name, value)
    for module in (delivering, lanes):
        monkeypatch.setattr(module, "SLOW_AFTER", 60)


def test_a_dead_endpoint_does_not_delay_another(monkeypatch):
    """More of its deliveries are due than there are threads, and they were there first."""
    small_lanes(monkeypatch)
    with hanging() as (url, calls), sink() as receiver:
        dead = an_endpoint(url)
        deliveries_to(dead, 30)
        with relay() as stop:
            wait_until(lambda: len(calls) >= 3)
            alive = an_endpoint(receiver.url)
            deliveries_to(alive, 40)
            wait_until(lambda: is_delivered(alive))
            assert {row.status for row in dead.deliveries.all()} == {"pending"}
            assert not any(row.attempts for row in dead.deliveries.all())
            stop.set()
            monkeypatch.setattr(delivering, "PATIENCE", 0)


def test_without_lanes_and_shares_it_would(monkeypatch):
    """Negative control: all threads wait for the dead endpoint, and nobody is left."""
    small_lanes(monkeypatch)
    monkeypatch.setattr(delivering, "NEW_EACH", 100)
    monkeypatch.setattr(delivering, "IDLE", 0.02)
    monkeypatch.setattr(delivering, "SLOW_THREADS", 0)
    with hanging() as (url, calls), sink() as receiver:
        deliveries_to(an_endpoint(url), 30)
        with relay() as stop:
            wait_until(lambda: len(calls) == 8)
            alive = an_endpoint(receiver.url)
            deliveries_to(alive, 4)
            make_due(alive.deliveries.all())
            rounds = count_rounds(monkeypatch)
            wait_until(lambda: len(rounds) > 5)
            assert receiver.received == []
            stop.set()
            monkeypatch.setattr(delivering, "PATIENCE", 0)


def test_many_that_die_at_once_leave_those_alone_that_have_answered(monkeypatch):
    """As many as there are threads for endpoints of which nothing is known."""
    small_lanes(monkeypatch)
    with hanging() as (url, calls), sink() as receiver, relay() as stop:
        alive = an_endpoint(receiver.url)
        deliveries_to(alive, 1)
        wait_until(lambda: is_delivered(alive))
        for _ in range(8):
            an_endpoint(url)
        deliveries_to(alive, 3)  # and to all others
        wait_until(lambda: len(calls) == 8)
        deliveries_to(alive, 20)
        wait_until(lambda: is_delivered(alive))
        stop.set()
        monkeypatch.setattr(delivering, "PATIENCE", 0)


def count_rounds(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    rounds: list[int] = []
    original = Deliverer._round

    def counted(deliverer: Deliverer) -> int:
        rounds.append(1)
        return original(deliverer)

    monkeypatch.setattr(Deliverer, "_round", counted)
    return rounds


def test_an_endpoint_that_fails_has_its_own_threads_until_it_works_again(monkeypatch, settings):
    """Those of the quick are all free for others while many failing ones hang."""
    settings.WEBHOOK_RETRY_SECONDS = [0] * 9
    small_lanes(monkeypatch)
    with hanging() as (url, calls), sink() as receiver:
        dead = [an_endpoint(url) for _ in range(4)]
        WebhookEndpoint.objects.update(failing_since=dead[0].created_at)
        deliveries_to(dead[0], 5)
        with relay() as stop:
            wait_until(lambda: len(calls) == 4)  # the threads of the slow
            alive = an_endpoint(receiver.url)
            deliveries_to(alive, 40)
            wait_until(lambda: is_delivered(alive))
            assert len(calls) == 4
            stop.set()
            monkeypatch.setattr(delivering, "PATIENCE", 0)


def test_told_to_stop_it_ends_what_is_under_way():
    is_asked, may_answer = threading.Event(), threading.Event()

    def answer(_: Received) -> int:
        is_asked.set()
        return 200 if may_answer.wait(10) else 500

    with sink(answer) as receiver:
        endpoint = an_endpoint(receiver.url)
        deliveries_to(endpoint)
        with relay() as stop:
            assert is_asked.wait(10)
            stop.set()
            may_answer.set()
    assert is_delivered(endpoint)


def test_told_to_stop_it_does_not_wait_for_ever_and_the_claim_runs_out(monkeypatch):
    monkeypatch.setattr(delivering, "PATIENCE", 0.2)
    with hanging() as (url, calls):
        endpoint = an_endpoint(url)
        (delivery,) = deliveries_to(endpoint)
        with relay():
            wait_until(lambda: calls)
    row = fresh(delivery)
    assert (row.status, row.attempts) == ("pending", [])
    make_due()  # the minute has passed
    assert claim(most=1, each=1) == [row]


def test_threads_that_send_have_no_connection_to_the_database(monkeypatch):
    seen: list[list[object]] = []
    original = posting._exchange

    def looked(*request):
        seen.append(connections.all(initialized_only=True))
        return original(*request)

    monkeypatch.setattr(posting, "_exchange", looked)
    with sink() as receiver:
        endpoint = an_endpoint(receiver.url)
        deliveries_to(endpoint, 10)
        with relay():
            wait_until(lambda: is_delivered(endpoint))
    assert seen == [[]] * 10


@pytest.mark.parametrize("error", [OperationalError, InterfaceError, ZeroDivisionError])
def test_what_could_not_be_settled_is_settled_afterwards(monkeypatch, error):
    """No outage of the database, and no bug, ends the relay or loses a delivery."""
    monkeypatch.setattr(delivering, "PAUSE", 0.05)
    failures: list[int] = []
    original = delivering.settle

    def settle(results):
        if len(failures) < 3:
            failures.append(1)
            raise error
        return original(results)

    monkeypatch.setattr(delivering, "settle", settle)
    with sink() as receiver:
        endpoint = an_endpoint(receiver.url)
        deliveries_to(endpoint)
        with relay():
            if error is ZeroDivisionError:  # let go of, so that the claim runs out
                wait_until(lambda: len(failures) == 2)
                failures.append(1)
                make_due()
            wait_until(lambda: is_delivered(endpoint))
    assert len(failures) == 3
    assert len(set(receiver.ids)) == 1


def test_one_result_that_cannot_be_settled_does_not_keep_the_others_back(monkeypatch):
    original = delivering.settle

    def settle(results):
        if any(result.delivery.pk == bad.pk for result in results):
            raise ZeroDivisionError
        return original(results)

    monkeypatch.setattr(delivering, "settle", settle)
    with sink() as receiver:
        endpoint = an_endpoint(receiver.url)
        bad, *others = deliveries_to(endpoint, 10)
        with relay():
            wait_until(lambda: endpoint.deliveries.filter(status="delivered").count() == 9)
    assert fresh(bad).status == "pending"
    assert len(others) == 9


def test_a_lost_connection_is_made_anew(monkeypatch):
    """Its session is ended by the server, in the middle of the work."""
    monkeypatch.setattr(delivering, "PAUSE", 0.05)
    with sink() as receiver, relay():
        endpoint = an_endpoint(receiver.url)
        deliveries_to(endpoint)
        wait_until(lambda: is_delivered(endpoint))
        end_other_sessions()
        deliveries_to(endpoint)
        wait_until(lambda: is_delivered(endpoint))
    assert len(receiver.ids) == 2


def end_other_sessions() -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
        )


def test_gone_ends_it_for_good():
    with sink(lambda _: head(410)) as receiver:
        endpoint = an_endpoint(receiver.url)
        deliveries_to(endpoint)
        with relay():
            wait_until(lambda: not WebhookEndpoint.objects.get().is_active)
    assert len(receiver.ids) == 1
    assert not is_delivered(endpoint)
