"""A message is applied once, however often and by however many at a time it is handled."""

from __future__ import annotations

import json
from threading import Event as Flag

import pytest
from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction
from psycopg import errors

from common.errors import DomainError
from common.events.models import Event
from common.events.recording import Fact, record
from common.ids import new_id
from common.inbox import handling
from common.inbox.errors import TooEarly
from common.inbox.handling import Outcome, Verdict, handle
from common.inbox.history import latest
from common.inbox.kinds import Kind, kinds
from common.inbox.models import InboxMessage
from tests.common.inbox.messages import at, message
from tests.racing import race, somebody_waits_for_a_lock
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

DATA = {"to": "ORDER-1"}


class Doer:
    """Applies messages of the type ``thing.done``: records an event, and does what it is told."""

    def __init__(self):
        self.meanwhile = lambda _message: None

    def __call__(self, message):
        record([Fact("test.done", "things", new_id(), {})])
        self.meanwhile(message)


@pytest.fixture
def doer(monkeypatch, tmp_path):
    schema = tmp_path / "thing.done.json"
    schema.write_text(json.dumps({"type": "object", "required": ["to"]}))
    doer = Doer()
    monkeypatch.setitem(kinds, "thing.done", Kind(schema, lambda data: data["to"], doer))
    return doer


def failing(error):
    def fail(_message):
        raise error

    return fail


def caused_by(cause, kind=OperationalError):
    error = kind("in other words")
    error.__cause__ = cause
    return error


def times_done():
    return Event.objects.filter(type="test.done").count()


def test_a_message_is_applied_and_what_it_writes_names_it(doer):
    body = message("thing.done", DATA, id="7", source="/shop", time=at(1), requestid="request-1")
    assert handle(body) == Verdict(Outcome.APPLIED)
    done = Event.objects.get()
    assert (done.actor, done.request_id) == ("message:/shop", "request-1")
    row = InboxMessage.objects.get()
    assert (row.source, row.event_id, row.type, row.subject) == (
        *("/shop", "7", "thing.done", "ORDER-1"),
    )
    assert row.occurred_at.isoformat() == at(1)


def test_a_message_that_comes_again_changes_nothing(doer):
    body = message("thing.done", DATA, id="7")
    assert [handle(body).outcome for _ in range(3)] == [
        *(Outcome.APPLIED, Outcome.KNOWN, Outcome.KNOWN),
    ]
    assert times_done() == 1


def test_the_same_id_of_another_source_is_another_message(doer):
    for source in ("/shop", "/till"):
        assert handle(message("thing.done", DATA, id="7", source=source)).outcome == Outcome.APPLIED
    assert times_done() == 2


def test_without_the_inbox_it_would_be_applied_again(doer, monkeypatch):
    """Negative control: it is the row that keeps a message from being applied twice."""
    monkeypatch.setattr(handling, "_note", lambda _message: True)
    body = message("thing.done", DATA, id="7")
    handle(body)
    handle(body)
    assert times_done() == 2


@pytest.mark.concurrency
def test_of_the_same_message_in_several_hands_one_is_applied(doer):
    body = message("thing.done", DATA, id="7")
    verdicts = race(lambda _: handle(body), workers=6)
    outcomes = [verdict.outcome for verdict in verdicts]
    assert sorted(outcome.name for outcome in outcomes) == ["APPLIED", *["KNOWN"] * 5]
    assert times_done() == 1


@pytest.mark.concurrency
def test_a_twin_waits_for_the_first_and_takes_over_when_that_is_refused(doer):
    """It cannot call itself known before the first has committed."""
    is_at_work, may_fail = Flag(), Flag()

    def fail_the_first(_message):
        if not is_at_work.is_set():
            is_at_work.set()
            assert may_fail.wait(timeout=10)
            raise DomainError("No.")

    doer.meanwhile = fail_the_first
    body = message("thing.done", DATA, id="7")

    def first_or_twin_or_watcher(number):
        if number == 0:
            return handle(body).outcome
        assert is_at_work.wait(timeout=10)
        if number == 1:
            return handle(body).outcome
        wait_until(somebody_waits_for_a_lock)
        may_fail.set()
        return None

    assert race(first_or_twin_or_watcher, workers=3) == [Outcome.REFUSED, Outcome.APPLIED, None]
    assert times_done() == 1


def test_a_refusal_leaves_no_trace_so_that_the_message_can_be_sent_again(doer):
    doer.meanwhile = failing(DomainError("Not like this.", attribute="lines/0"))
    body = message("thing.done", DATA)
    assert handle(body) == Verdict(Outcome.REFUSED, "refused", "lines/0: Not like this.")
    assert (times_done(), InboxMessage.objects.count()) == (0, 0)
    doer.meanwhile = lambda _message: None
    assert handle(body).outcome == Outcome.APPLIED


def test_what_is_too_early_leaves_no_trace_either(doer):
    doer.meanwhile = failing(TooEarly(DomainError("Not yet.")))
    assert handle(message("thing.done", DATA)) == Verdict(Outcome.TOO_EARLY, "refused", "Not yet.")
    assert (times_done(), InboxMessage.objects.count()) == (0, 0)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        pytest.param(caused_by(errors.LockNotAvailable()), Outcome.BUSY, id="lock timeout"),
        pytest.param(caused_by(errors.DeadlockDetected()), Outcome.BUSY, id="deadlock"),
        pytest.param(caused_by(errors.QueryCanceled()), Outcome.BUSY, id="statement timeout"),
        pytest.param(caused_by(errors.AdminShutdown()), Outcome.AWAY, id="shut down"),
        pytest.param(caused_by(errors.TooManyConnections()), Outcome.AWAY, id="no connection"),
        pytest.param(OperationalError("server closed"), Outcome.AWAY, id="connection lost"),
        pytest.param(InterfaceError("connection is closed"), Outcome.AWAY, id="interface"),
    ],
)
def test_trouble_of_the_database_is_not_the_messages_fault(doer, error, outcome):
    doer.meanwhile = failing(error)
    verdict = handle(message("thing.done", DATA))
    assert (verdict.outcome, verdict.code) == (outcome, "service_unavailable")
    assert not InboxMessage.objects.exists()


def test_a_message_whose_subject_somebody_holds_is_busy(doer):
    """As PostgreSQL says it, not as we imagine it."""
    body = message("thing.done", DATA)

    def holder_or_waiter(number):
        if number:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '50ms'")
            assert is_held.wait(timeout=10)
            try:
                return handle(body).outcome
            finally:
                is_done.set()
        with transaction.atomic():
            handling._lock_subject("ORDER-1")
            is_held.set()
            assert is_done.wait(timeout=10)
        return None

    is_held, is_done = Flag(), Flag()

    assert race(holder_or_waiter, workers=2) == [None, Outcome.BUSY]


@pytest.mark.parametrize("error", [TypeError("a bug"), IntegrityError("a bug")], ids=str)
def test_a_fault_of_ours_is_a_reason_too_and_tells_no_secrets(doer, error):
    doer.meanwhile = failing(error)
    verdict = handle(message("thing.done", DATA))
    assert verdict == Verdict(Outcome.REFUSED, "internal_error", type(error).__name__)
    assert not InboxMessage.objects.exists()


def test_a_fault_in_reading_is_no_end_of_the_consumer(doer, monkeypatch):
    monkeypatch.setattr(handling, "read", failing(KeyError("a bug")))
    assert handle(b"{}") == Verdict(Outcome.REFUSED, "internal_error", "KeyError")


def test_what_was_heard_last_is_of_the_same_source_subject_and_type_and_not_the_message(doer):
    told = []
    doer.meanwhile = lambda message: told.append(latest(message, "thing.done"))
    for source, order, minutes in [
        ("/shop", "ORDER-1", 1),
        ("/shop", "ORDER-2", 9),
        ("/till", "ORDER-1", 9),
        ("/shop", "ORDER-1", 3),
        ("/shop", "ORDER-1", 2),
    ]:
        handle(message("thing.done", {"to": order}, source=source, time=at(minutes)))
    assert [one and one.isoformat() for one in told] == [None, None, None, at(1), at(3)]
