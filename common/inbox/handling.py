"""Applying a message once, however often it comes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Final
from zlib import crc32

from django.db import InterfaceError, OperationalError, connection

from common.database import (
    DEADLOCK_DETECTED,
    LOCK_NOT_AVAILABLE,
    QUERY_CANCELED,
    SERIALIZATION_FAILURE,
    in_transaction,
    sqlstate,
)
from common.errors import DomainError
from common.ids import new_id
from common.inbox.errors import TooEarly
from common.inbox.kinds import kinds
from common.inbox.naming import NAMELESS, Name, name_of
from common.inbox.reading import read
from common.observability.context import acting_as
from common.observability.logs import event, get_logger

if TYPE_CHECKING:
    from common.inbox.kinds import Message

logger = get_logger(__name__)

SUBJECTS: Final = 0x6D736773
"""The first half of an advisory lock's number; the second tells the subject."""
IN_THE_WAY: Final = {DEADLOCK_DETECTED, SERIALIZATION_FAILURE, LOCK_NOT_AVAILABLE, QUERY_CANCELED}
"""PostgreSQL is well, and somebody else is at the same rows."""
LONGEST_REASON: Final = 500
NOTE: Final = """
INSERT INTO inbox_inboxmessage (id, source, event_id, type, subject, occurred_at)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (source, event_id) DO NOTHING
"""


class Outcome(Enum):
    """What became of a message."""

    APPLIED = auto()
    KNOWN = auto()
    """It had been applied before."""
    TOO_EARLY = auto()
    """It may be right in a while."""
    REFUSED = auto()
    """Only a person can help."""
    BUSY = auto()
    """Somebody else was in the way; nothing is wrong with it."""
    AWAY = auto()
    """There is no database to be had; it would fare no better with another message."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a message, and why: a stable code, and a sentence for a person.

    ``name`` is that of the message where nothing became of it, as far as it can be told.
    """

    outcome: Outcome
    code: str = ""
    reason: str = ""
    name: Name = field(default=NAMELESS, compare=False)


def handle(body: bytes) -> Verdict:
    """Apply the message that the bytes are, unless that has been done; never raises.

    Effect, events and the row that remembers the message commit together or not at all. What it
    writes names the message as its cause.
    """
    verdict = _verdict(body)
    is_done = verdict.outcome in {Outcome.APPLIED, Outcome.KNOWN}
    return verdict if is_done else replace(verdict, name=name_of(body))


def _verdict(body: bytes) -> Verdict:
    try:
        message = read(body)
    except DomainError as refusal:
        return _refused(Outcome.REFUSED, refusal)
    except Exception as error:
        logger.exception("message_unreadable")
        return Verdict(Outcome.REFUSED, "internal_error", type(error).__name__)
    with acting_as(f"message:{message.source}", message.request_id):
        return _handled(message)


def _handled(message: Message) -> Verdict:
    try:
        is_new = apply_once(message)
    except TooEarly as early:
        return _refused(Outcome.TOO_EARLY, early.refusal)
    except DomainError as refusal:
        return _refused(Outcome.REFUSED, refusal)
    except (OperationalError, InterfaceError) as error:
        return _hindered(error)
    except Exception as error:
        logger.exception("message_failed", type=message.type, id=message.id)
        return Verdict(Outcome.REFUSED, "internal_error", type(error).__name__)
    return Verdict(Outcome.APPLIED if is_new else Outcome.KNOWN)


def _refused(outcome: Outcome, refusal: DomainError) -> Verdict:
    told = (
        f"{one.attribute}: {one.detail}" if one.attribute else one.detail
        for one in refusal.problems
    )
    return Verdict(outcome, refusal.code, " ".join(told)[:LONGEST_REASON])


def _hindered(error: OperationalError | InterfaceError) -> Verdict:
    is_busy = isinstance(error, OperationalError) and (sqlstate(error) or "") in IN_THE_WAY
    outcome = Outcome.BUSY if is_busy else Outcome.AWAY
    return Verdict(outcome, "service_unavailable", type(error.__cause__ or error).__name__)


@in_transaction
def apply_once(message: Message) -> bool:
    """Make true what the message says, and remember it; False where that has been done before.

    Refuses with what its kind refuses with, and remembers nothing then.

    Locks: the subject of the message, before all others (docs/locking.md).
    """
    _lock_subject(message.subject)
    if not _note(message):
        event("message_repeated", type=message.type, id=message.id, source=message.source)
        return False
    kinds[message.type].apply(message)
    event("message_applied", type=message.type, id=message.id, subject=message.subject)
    return True


def _lock_subject(subject: str) -> None:
    """Let messages about one thing wait for each other: which is the latest is then certain."""
    number = crc32(subject.encode()) - 2**31
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [SUBJECTS, number])


def _note(message: Message) -> bool:
    """Whether it is new. A twin that is not committed yet is waited for."""
    row = (message.source, message.id, message.type, message.subject, message.time)
    with connection.cursor() as cursor:
        cursor.execute(NOTE, [new_id(), *row])
        return bool(cursor.rowcount)
