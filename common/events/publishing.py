"""Events on their way to RabbitMQ: in their order, each confirmed before it counts as sent."""

from __future__ import annotations

import json
from contextlib import ExitStack
from time import monotonic
from typing import TYPE_CHECKING, Final

import amqp
from django.db import transaction

from common.broker.connection import PERSISTENT, Publisher, connected
from common.events.envelope import cloud_event
from common.events.models import Event
from common.events.reading import BROKER, has_unread, locked_reader, move_on
from common.observability import tracing
from common.observability.metrics import events_published

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

EXCHANGE: Final = "stockroom.events"
MOST: Final = 500
AT_ONCE: Final = 50
"""Events in memory at a time: the text of a product may be long."""
LONGEST: Final = 5.0
"""Seconds of sending before what was sent is confirmed and counted, however slow the broker is."""
MEDIA_TYPE: Final = "application/cloudevents+json"


class EventPublisher:
    """Publishes the feed over one connection, and opens another one when that is broken."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._open = ExitStack()
        self._publisher: Publisher | None = None

    def publish(self) -> int:
        """Send the next events and wait until the broker has them; returns how many.

        Raises one of UNREACHABLE when it cannot be told what the broker has: the same events are
        sent again next time, so consumers see some twice, by the same id, and miss none.
        """
        if not has_unread(BROKER):
            self._stay()
            return 0
        try:
            published = publish_next(self._connected())
        except BaseException as error:  # whatever it was, this connection is not trusted any more
            self._drop(error)
            raise
        events_published.inc(published)
        return published

    def close(self) -> None:
        """Hang up; the next call of ``publish`` connects anew."""
        self._publisher = None
        self._open.close()

    def _drop(self, error: BaseException) -> None:
        """Hang up without a word."""
        self._publisher = None
        self._open.__exit__(type(error), error, error.__traceback__)

    def _connected(self) -> Publisher:
        if self._publisher is None:
            publisher = Publisher(self._open.enter_context(connected(self._url)))
            publisher.channel.exchange_declare(EXCHANGE, "topic", durable=True, auto_delete=False)
            self._publisher = publisher
        return self._publisher

    def _stay(self) -> None:
        """Keep an idle connection open; a broken one is noticed, and replaced when it is needed.

        py-amqp says of a dead connection whatever its own inside happens to run into, an
        AttributeError among others.
        """
        if self._publisher is None:
            return
        try:
            self._publisher.stay()
        except Exception as error:
            self._drop(error)


@transaction.atomic
def publish_next(publisher: Publisher) -> int:
    """Publish the next events of the feed, if no other relay is at it; returns how many.

    Locks: the broker's reader, while the broker is talked to. That is on purpose (ADR 18): the
    lock keeps the order, goes with the process that has it, and no request ever waits for it.
    """
    reader = locked_reader(BROKER)
    if reader is None:
        return 0
    sent = _send(publisher, _coming(reader.sequence))
    if sent:
        publisher.wait()
        move_on(reader, sent[-1])
    return len(sent)


def _coming(after: int) -> Iterator[Event]:
    """The next events of the feed, read piece by piece."""
    for _ in range(MOST // AT_ONCE):
        events = list(Event.objects.filter(sequence__gt=after).order_by("sequence")[:AT_ONCE])
        yield from events
        if len(events) < AT_ONCE:
            return
        after = events[-1].sequence or after


def _send(publisher: Publisher, events: Iterable[Event]) -> list[int]:
    """Send one after the other, for a bounded time; returns the sequences of what was sent."""
    enough_at = monotonic() + LONGEST
    sent: list[int] = []
    for event in events:
        with _span(event) as span:
            told = message(event, span.headers())
            publisher.publish(told, exchange=EXCHANGE, routing_key=event.type)
        sent.append(event.sequence or 0)  # it has one: that is how it was found
        if monotonic() > enough_at:
            break
    return sent


def _span(event: Event) -> AbstractContextManager[tracing.Span]:
    """Until it is on its way; the confirms of many come together later."""
    about = {
        "messaging.system": "rabbitmq",
        "messaging.operation.type": "send",
        "messaging.destination.name": EXCHANGE,
        "messaging.message.id": str(event.pk),
        "stockroom.request_id": event.request_id,
    }
    return tracing.following(event.trace_context, f"publish {event.type}", "producer", about)


def message(event: Event, headers: Mapping[str, str] | None = None) -> amqp.Message:
    """The event as a persistent message: its id is the event's, its body the envelope."""
    return amqp.Message(
        json.dumps(cloud_event(event), separators=(",", ":")).encode(),
        message_id=str(event.pk),
        type=event.type,
        content_type=MEDIA_TYPE,
        content_encoding="utf-8",
        delivery_mode=PERSISTENT,
        timestamp=int(event.occurred_at.timestamp()),
        app_id="stockroom",
        application_headers=dict(headers or {}),
    )
