"""A kept connection is looked at before it is used again, and nobody is asked while all is well."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.backends.postgresql import base

from tests.waiting import wait_until


@pytest.fixture
def sessions(db):
    """As many as wanted, each kept and used by nobody else."""
    opened = []

    def another():
        opened.append(connection.copy())
        opened[-1].ensure_connection()
        return opened[-1]

    yield another
    for one in opened:
        one.close()


@pytest.fixture
def kept(sessions):
    return sessions()


@pytest.fixture
def asked(monkeypatch):
    """Whom the server was asked for."""
    ask, found = base.DatabaseWrapper.is_usable, []
    monkeypatch.setattr(
        base.DatabaseWrapper, "is_usable", lambda one: found.append(one) or ask(one)
    )
    return found


def ended(kept) -> None:
    pid = kept.connection.info.backend_pid
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])


def test_the_project_uses_it(kept):
    assert type(kept).__module__ == "common.postgresql.base"


def test_while_the_server_is_silent_it_is_usable_and_not_asked(kept, asked):
    assert kept.is_usable()
    assert asked == []


def test_a_session_that_was_ended_is_not_usable(kept, asked):
    ended(kept)
    wait_until(lambda: not kept.is_usable())
    assert asked


def test_a_server_that_only_has_something_to_say_is_asked_and_usable(sessions, kept, asked):
    with kept.cursor() as listener, sessions().cursor() as teller:
        listener.execute("LISTEN news")
        teller.execute("NOTIFY news")
    wait_until(lambda: kept.is_usable() and asked)


def test_none_is_not_usable():
    assert not connection.copy().is_usable()


def test_one_that_the_driver_has_closed_is_not_usable(kept):
    kept.connection.close()
    assert not kept.is_usable()
