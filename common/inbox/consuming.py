"""Taking messages from the broker, one after the other."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import asdict
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from django.db import close_old_connections, connections

from common.broker.connection import UNREACHABLE, Publisher, connected
from common.inbox import queues
from common.inbox.decoding import read_leniently
from common.inbox.handling import Outcome, Verdict, handle
from common.observability import tracing
from common.observability.duties import duties
from common.observability.logs import get_logger
from common.observability.metrics import messages_handled

if TYPE_CHECKING:
    from collections.abc import Mapping

    import amqp

logger = get_logger(__name__)

DUTY: Final = "consume"
PREFETCH: Final = 20
LISTEN: Final = 1.0
"""Seconds after which an idle or working consumer looks at heartbeats, and whether to end."""
SHORTEST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 10.0
LONGEST_WAIT_FOR_DATABASE: Final = 5.0
LONGEST_IN_HAND: Final = 600.0
"""Seconds for which a message waits in our hand: after half an hour RabbitMQ would take it back,
and count that as a delivery in vain."""
ABOUT: Final = {
    "messaging.system": "rabbitmq",
    "messaging.operation.type": "process",
    "messaging.destination.name": queues.COMMANDS,
}
"""What a span of a message tells, beside what became of it."""


class Pauses:
    """Growing pauses between attempts, until one succeeds."""

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._next = SHORTEST_PAUSE

    def take(self) -> float:
        """The next one, in seconds."""
        pause, self._next = self._next, min(self._longest, 2 * self._next)
        return pause

    def start_over(self) -> None:
        self._next = SHORTEST_PAUSE


class Consumer:
    """Reads commands until it is told to stop, whatever happens to the broker or the database.

    The broker is talked to by the thread that calls ``run``, and messages are applied in another
    one: so heartbeats are kept while an operation takes its time.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._ending = threading.Event()

    def stop(self) -> None:
        """Finish the message in hand and leave; for other threads than the one that runs."""
        self._ending.set()

    def run(self) -> None:
        """Until ``stop`` is called."""
        logger.info("consumer_started", queue=queues.COMMANDS)
        pauses = Pauses(LONGEST_PAUSE)
        with ThreadPoolExecutor(1, thread_name_prefix="inbox") as worker:
            while not self._ending.is_set():
                duties.note(DUTY)
                self._connect(worker, pauses)
            duties.forget(DUTY)
            worker.submit(connections.close_all).result()

    def _connect(self, worker: ThreadPoolExecutor, pauses: Pauses) -> None:
        """Read for as long as one connection holds; then pause."""
        try:
            with connected(self._url) as connection:
                _Reading(connection, worker, self._ending, pauses).run()
        except UNREACHABLE as error:
            logger.warning("broker_unreachable", error=type(error).__name__, words=_words(error))
        except Exception:  # a frame that the client library stumbles over must not end us
            logger.exception("reading_failed")
            pauses.start_over()  # the broker is there, and counts how often: let that be soon
        if not self._ending.is_set():
            self._ending.wait(pauses.take())


class _Reading:
    """One connection's worth of reading."""

    def __init__(
        self,
        connection: amqp.Connection,
        worker: ThreadPoolExecutor,
        ending: threading.Event,
        pauses: Pauses,
    ) -> None:
        self._connection, self._worker = connection, worker
        self._ending, self._pauses = ending, pauses
        read_leniently(connection)
        self._publisher = Publisher(connection)
        self._channel = connection.channel()
        self._channel.auto_decode = False  # bodies are bytes, whatever encoding they name
        self._waiting: deque[amqp.Message] = deque()
        self._is_wary = True
        self._tag = ""

    def run(self) -> None:
        queues.declare(self._channel)
        self._take_in(at_most=1)
        logger.info("reading_messages", queue=queues.COMMANDS)
        while not self._ending.is_set():
            duties.note(DUTY)
            self._listen(0 if self._waiting else LISTEN)
            if self._waiting:
                self._see_to(self._waiting.popleft())

    def _take_in(self, *, at_most: int) -> None:
        """Have so many messages in hand at a time, one of them at work."""
        self._channel.basic_qos(0, at_most, a_global=False)
        self._tag = self._channel.basic_consume(queues.COMMANDS, callback=self._waiting.append)

    def _be_wary_no_more(self) -> None:
        """Take in more than one at a time, now that one has come which nobody had before.

        Whatever is in hand when a consumer is killed counts as delivered in vain. So as long as
        messages come back, the one that kills must be alone in its hand: the others are innocent.
        To be called with that message in hand, so that none is on its way to the cancelled tag.
        """
        self._is_wary = False
        self._channel.basic_cancel(self._tag)
        self._take_in(at_most=PREFETCH)

    def _listen(self, seconds: float) -> None:
        with suppress(TimeoutError):
            self._connection.drain_events(timeout=seconds)
        self._connection.heartbeat_tick()

    def _see_to(self, message: amqp.Message) -> None:
        verdict = self._verdict(message)
        if verdict is None:
            return
        if self._is_wary and not message.delivery_info["redelivered"]:
            self._be_wary_no_more()
        outcome = self._settle(message, verdict)
        self._channel.basic_ack(message.delivery_tag)
        messages_handled.labels(outcome=outcome).inc()
        self._pauses.start_over()

    def _verdict(self, message: amqp.Message) -> Verdict | None:
        """What becomes of it, once there is a database; None when we are to end before that."""
        pauses = Pauses(LONGEST_WAIT_FOR_DATABASE)
        patient_until = monotonic() + LONGEST_IN_HAND
        while True:
            duties.note(DUTY)
            verdict = self._handled(message)
            if verdict.outcome is not Outcome.AWAY or monotonic() > patient_until:
                return verdict
            logger.warning("database_unavailable", error=verdict.reason)
            if self._ends_within(pauses.take()):
                return None

    def _handled(self, message: amqp.Message) -> Verdict:
        """Have it applied in the other thread, and keep the connection meanwhile."""
        body, headers = queues.body_of(message), message.headers or {}
        work = self._worker.submit(_on_a_good_connection, body, headers)
        while not wait([work], LISTEN).done:
            self._listen(0)
        return work.result()

    def _ends_within(self, seconds: float) -> bool:
        while seconds > 0 and not self._ending.wait(min(seconds, LISTEN)):
            self._listen(0)
            seconds -= LISTEN
        return self._ending.is_set()

    def _settle(self, message: amqp.Message, verdict: Verdict) -> str:
        """See the message where it belongs, before it is acknowledged; what became of it."""
        tries = queues.number_in(message, "x-tries")
        match verdict.outcome:
            case Outcome.APPLIED:
                return "handled"
            case Outcome.KNOWN:
                return "repeated"
            case Outcome.BUSY | Outcome.AWAY:  # not the message's fault: this does not count
                return self._put_off(message, verdict, tries)
            case Outcome.TOO_EARLY if tries < queues.MOST_TRIES:
                return self._put_off(message, verdict, tries + 1)
            case _:
                # The reason stays with the letter: it may quote what is in it.
                logger.warning("message_refused", code=verdict.code, **asdict(verdict.name))
                queues.bury(self._publisher, message, code=verdict.code, reason=verdict.reason)
                return "dead"

    def _put_off(self, message: amqp.Message, verdict: Verdict, tries: int) -> str:
        logger.info("message_put_off", code=verdict.code, tries=tries, **asdict(verdict.name))
        queues.move(self._publisher, message, queues.LATER, x_tries=tries)
        return "again"


def _on_a_good_connection(body: bytes, headers: Mapping[str, Any]) -> Verdict:
    close_old_connections()  # PostgreSQL may have been restarted since
    with tracing.entered(headers, f"process {queues.COMMANDS}", "consumer", ABOUT) as span:
        verdict = handle(body)
        span.note({"stockroom.outcome": verdict.outcome.name.lower()})
        if verdict.code:
            span.fail(verdict.code)
        return verdict


def _words(error: BaseException) -> str:
    """What the broker or the system said, which names no secrets."""
    return str(getattr(error, "reply_text", None) or getattr(error, "strerror", None) or "")
