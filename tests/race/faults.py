"""Places in a request where its worker kills itself (RULES I9), for servers of tests alone.

Nothing of this is in the code that is deployed: the steps of an operation are wrapped from here,
and a step that no longer has its name keeps the server from starting.
"""

from __future__ import annotations

import os
import signal
import threading
from functools import wraps
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

from django.conf import settings
from django.db import transaction

from common.postgresql.base import DatabaseWrapper
from inventory.operations.ledger import Ledger
from tests.race.operations import DIE_AT, FAREWELL, DiesAt

if TYPE_CHECKING:
    from collections.abc import Callable

ENVIRON_NAME: Final = f"HTTP_{DIE_AT.upper().replace('-', '_')}"

_request = threading.local()


def with_fault_points(application: Callable[..., Any]) -> Callable[..., Any]:
    """A WSGI application whose worker dies where the request's ``X-Die-At`` says.

    Refuses to be made where the settings are not a developer's.
    """
    if not settings.DEVELOPMENT:
        raise RuntimeError("Fault points are for tests: a deployed server has none.")
    _wrap_the_steps()

    def killable(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        _request.dies_at = environ.get(ENVIRON_NAME)
        _request.has_written = False
        return application(environ, start_response)

    return killable


def _wrap_the_steps() -> None:
    """Lock, write, COMMIT and what follows it, as the operations on stock do them."""
    connections: Any = DatabaseWrapper
    for owner, name, wrapped in (
        (Ledger, "locked", staticmethod(_dying_after_the_lock(Ledger.locked))),
        (Ledger, "write", _dying_after_the_write(Ledger.write)),
        (connections, "_commit", _dying_around_commit(connections._commit)),
        (transaction, "on_commit", _dying_on_commit(transaction.on_commit)),
    ):
        patch.object(owner, name, wrapped).start()


def _die(point: DiesAt) -> None:
    if getattr(_request, "dies_at", None) == point:
        os.write(2, f"{FAREWELL} {point}\n".encode())
        os.kill(os.getpid(), signal.SIGKILL)
        signal.pause()  # the signal comes before the next line would


def _dying_after_the_lock(lock: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(lock)
    def done(*args: Any, **kwargs: Any) -> Any:
        locked = lock(*args, **kwargs)
        _die(DiesAt.LOCKED)
        return locked

    return done


def _dying_after_the_write(write: Callable[..., None]) -> Callable[..., None]:
    @wraps(write)
    def done(*args: Any) -> None:
        write(*args)
        _request.has_written = True
        _die(DiesAt.WRITTEN)

    return done


def _dying_around_commit(commit: Callable[..., Any]) -> Callable[..., Any]:
    """Of the transaction that wrote to the ledger, and of no other."""

    @wraps(commit)
    def done(*args: Any) -> Any:
        if not getattr(_request, "has_written", False):
            return commit(*args)
        _die(DiesAt.BEFORE_COMMIT)
        result = commit(*args)
        _die(DiesAt.COMMITTED)
        return result

    return done


def _dying_on_commit(on_commit: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(on_commit)
    def registered(act: Callable[[], Any], *args: Any, **kwargs: Any) -> Any:
        def acted() -> Any:
            _die(DiesAt.ON_COMMIT)
            return act()

        return on_commit(acted, *args, **kwargs)

    return registered
