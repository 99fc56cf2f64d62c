"""Messages that only a person can help: to be looked at, sent again, or thrown away."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from common.broker.connection import Publisher, connected
from common.inbox import queues
from common.inbox.decoding import read_leniently
from common.inbox.naming import name_of
from common.observability.logs import event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import amqp

KILLED: Final = f"{queues.MOST_DELIVERIES} consumers ended, or lost the broker, with it in hand."


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message, why it is here and since when.

    ``id`` and ``type`` are the event's; where its body has none that can be read, the id is made
    of the body's digest and the type is empty.
    """

    id: str
    type: str
    code: str
    reason: str
    at: str


class DeadLetters:
    """All of them, over one connection. Whatever is not sent again or dropped stays, in order."""

    def __init__(self, connection: amqp.Connection) -> None:
        read_leniently(connection)
        self._channel = connection.channel()
        self._channel.auto_decode = False
        queues.declare(self._channel)
        self._publisher = Publisher(connection)

    def __iter__(self) -> Iterator[DeadLetter]:
        return (_told(message) for message in self._messages())

    def replay(self, is_meant: Callable[[str], bool]) -> Iterator[str]:
        """Send those with such ids to the queue of commands again; the ids of those it has."""
        for message in self._messages():
            letter = _told(message)
            if is_meant(letter.id):
                queues.move(self._publisher, message, queues.COMMANDS)
                self._remove(message, letter, "dead_letter_replayed")
                yield letter.id

    def drop(self, is_meant: Callable[[str], bool]) -> Iterator[str]:
        """Throw away those with such ids; the ids of those that are gone."""
        for message in self._messages():
            letter = _told(message)
            if is_meant(letter.id):
                self._remove(message, letter, "dead_letter_dropped")
                yield letter.id

    def _messages(self) -> Iterator[amqp.Message]:
        """As many as are there now: what is sent again may be back before the end is reached.

        None is acknowledged here, so the broker takes all of them back in the end.
        """
        count = self._channel.queue_declare(queues.DEAD, passive=True).message_count
        for _ in range(count):
            message = self._channel.basic_get(queues.DEAD)
            if message is None:
                return
            yield message

    def _remove(self, message: amqp.Message, letter: DeadLetter, what: str) -> None:
        self._channel.basic_ack(message.delivery_tag)
        event(what, id=letter.id, type=letter.type, code=letter.code)


@contextmanager
def dead_letters(url: str) -> Iterator[DeadLetters]:
    """Those of the broker at this address. Raises any of UNREACHABLE.

    ValueError, OverflowError: there is one that py-amqp cannot take apart at all.
    """
    with connected(url) as connection:
        yield DeadLetters(connection)


def _told(message: amqp.Message) -> DeadLetter:
    body, headers = queues.body_of(message), message.headers or {}
    name = name_of(body)
    by_the_broker = "x-code" not in headers
    return DeadLetter(
        id=name.id or f"sha256:{hashlib.sha256(body).hexdigest()[:16]}",
        type=name.type,
        code="delivery_limit" if by_the_broker else str(headers["x-code"]),
        reason=KILLED if by_the_broker else str(headers.get("x-reason", "")),
        at=_since(headers),
    )


def _since(headers: dict[str, Any]) -> str:
    """Our own stamp, or the broker's, in UTC."""
    match headers.get("x-death"):
        case [{"time": datetime() as moment}, *_]:
            return f"{moment.isoformat()}+00:00"
    return str(headers.get("x-dead-at", ""))
