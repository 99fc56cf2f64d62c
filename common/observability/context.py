"""What causes the work at hand: the request and the actor, for logs, movements and events."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from common.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextvars import Token


@dataclass(frozen=True, slots=True)
class Cause:
    """The id of the request and who made it: an API key's, staff user's, command's or job's name.

    Empty where there is no request, or where nobody is known yet.
    """

    request_id: str
    actor: str


_UNKNOWN: Final = Cause(request_id="", actor="")
_cause: ContextVar[Cause] = ContextVar("cause", default=_UNKNOWN)
_task_id: ContextVar[str] = ContextVar("task_id", default="")


def current() -> Cause:
    """The cause of what this thread does now; operations copy it into what they write."""
    return _cause.get()


def current_task() -> str:
    """The id of the task that this thread works on; empty where it is none."""
    return _task_id.get()


def set_actor(name: str) -> None:
    """Name who sent the current request, as soon as that is known."""
    _cause.set(Cause(_cause.get().request_id, name))


def begin_request(request_id: str) -> Token[Cause]:
    """From here on the cause is this request, sent by nobody known yet."""
    return _cause.set(Cause(request_id, ""))


def end_request(token: Token[Cause]) -> None:
    """Back to the cause before; what set_actor did meanwhile is undone too."""
    _cause.reset(token)


@contextmanager
def caused_by(cause: Cause) -> Iterator[None]:
    """What this block does is on account of another request, which shares its transaction."""
    token = _cause.set(cause)
    try:
        yield
    finally:
        _cause.reset(token)


@contextmanager
def acting_as(actor: str, request_id: str | None = None, *, task_id: str = "") -> Iterator[Cause]:
    """The cause of what a block or function does; without a request id it gets one of its own.

    For commands and jobs, which nobody requested over HTTP, and for tasks, which work for the
    request that sent them; ``task_id`` is the id of the task's own message.
    """
    cause = _cause.set(Cause(request_id or str(new_id()), actor))
    task = _task_id.set(task_id or _task_id.get())
    try:
        yield current()
    finally:
        _task_id.reset(task)
        _cause.reset(cause)
