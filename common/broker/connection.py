"""A connection to RabbitMQ, and messages that it has taken over for certain."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from amqp.exceptions import AMQPError
from kombu.connection import Connection
from kombu.exceptions import KombuError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import amqp

PATIENCE: Final = 5.0
"""Seconds for a connection, and for the broker to confirm what it was sent."""
HEARTBEAT: Final = 20
PERSISTENT: Final = 2


class NotConfirmed(Exception):
    """The broker did not take everything over in time: it is not known what it has."""


UNREACHABLE: Final = (OSError, AMQPError, KombuError, NotConfirmed)
"""What the broker's absence looks like: try again later on a new connection."""


@contextmanager
def connected(url: str) -> Iterator[amqp.Connection]:
    """An open connection, closed at the end. Any of UNREACHABLE means: later again."""
    opening: Any = Connection(  # type: ignore[no-untyped-call]  # kombu has no types
        url,
        connect_timeout=PATIENCE,
        heartbeat=HEARTBEAT,
        transport_options={"read_timeout": PATIENCE, "write_timeout": PATIENCE},
    )
    connection = opening.transport.establish_connection()
    try:
        yield connection
    except BaseException:
        connection.collect()  # nobody can tell where in a frame we are: end it without a word
        raise
    with suppress(*UNREACHABLE):
        opening.transport.close_connection(connection)


class Publisher:
    """Sends messages one after the other, and waits for the confirms of all of them at once."""

    def __init__(self, connection: amqp.Connection) -> None:
        self._connection = connection
        self.channel = connection.channel()
        self.channel.confirm_select()
        self.channel.events["basic_ack"].add(self._confirmed)
        self.channel.events["basic_nack"].add(self._refused)
        self._sent = 0
        self._open: set[int] = set()
        self._is_refused = False

    def publish(self, message: amqp.Message, *, exchange: str, routing_key: str) -> None:
        """Send it; ``wait`` tells whether it has arrived."""
        self._sent += 1
        self._open.add(self._sent)
        self.channel.basic_publish(
            message, exchange=exchange, routing_key=routing_key, timeout=PATIENCE
        )

    def wait(self) -> None:
        """Until the broker has confirmed everything; raises NotConfirmed or another UNREACHABLE.

        A broker short of memory or disk takes nothing in and says nothing: that is no answer.
        """
        give_up_at = monotonic() + PATIENCE
        with suppress(TimeoutError):
            while self._open and not self._is_refused:
                self._connection.drain_events(timeout=max(0.001, give_up_at - monotonic()))
        if self._open or self._is_refused:
            raise NotConfirmed(f"{len(self._open)} messages were not confirmed.")

    def stay(self) -> None:
        """Keep an idle connection open: call it every second or so. Raises UNREACHABLE."""
        with suppress(TimeoutError):
            self._connection.drain_events(timeout=0)
        self._connection.heartbeat_tick()

    def _confirmed(self, tag: int, multiple: bool) -> None:  # noqa: FBT001  py-amqp's own call
        if multiple:
            self._open = {one for one in self._open if one > tag}
        else:
            self._open.discard(tag)

    def _refused(self, _tag: int, _multiple: bool) -> None:  # noqa: FBT001  likewise
        self._is_refused = True
