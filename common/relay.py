"""The relay: gives events their order, and brings them to whoever wants to know of them.

A process of its own beside the web server. Several may run: each duty is done by one of them at a
time, or shared out among them row by row. Whichever is killed leaves nothing behind that another
would not finish.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections, connections

from common.broker.connection import UNREACHABLE
from common.events.publishing import EventPublisher
from common.events.sequencing import number_events
from common.observability.context import acting_as
from common.observability.duties import duties as known
from common.observability.logs import get_logger
from common.webhooks.delivering import Deliverer
from common.webhooks.fan_out import fan_out

if TYPE_CHECKING:
    from collections.abc import Callable

logger: Final = get_logger(__name__)

IDLE: Final = 0.2
"""Seconds until somebody with nothing to do looks again."""
LONGEST_PAUSE: Final = 10.0
TOLD_EVERY: Final = 30
"""Failures, between which there are pauses of ten seconds."""
EXPECTED: Final = (DatabaseError, InterfaceError, *UNREACHABLE)
"""What an outage looks like; everything else is a bug, and logged as one."""


@dataclass(slots=True)
class Duty:
    """Something done again and again, in a thread and on a database connection of its own.

    ``act`` returns how much it did. When it fails it is tried again after a pause that grows to
    ten seconds: no outage and no bug ends a duty.
    """

    name: str
    act: Callable[[], int]
    failures: int = 0
    actor: str = "relay"

    def run(self, stop: threading.Event) -> None:
        with acting_as(self.actor):
            while not stop.is_set():
                known.note(self.name)
                stop.wait(self._once())
        known.forget(self.name)
        connections.close_all()

    def _once(self) -> float:
        """Do it; returns the seconds to wait before the next time."""
        try:
            close_old_connections()
            done = self.act()
        except Exception as error:
            self._note(error)
            return min(IDLE * 2.0 ** min(self.failures, 9), LONGEST_PAUSE)
        if self.failures:
            logger.info("duty_recovered", duty=self.name, failures=self.failures)
            self.failures = 0
        return 0 if done else IDLE

    def _note(self, error: Exception) -> None:
        """The first failure is news, and again every five minutes; a bug is one each time."""
        self.failures += 1
        if not isinstance(error, EXPECTED):
            logger.error("duty_broken", duty=self.name, exc_info=error)
        elif self.failures % TOLD_EVERY == 1:
            words = str(
                getattr(error, "reply_text", None) or getattr(error, "strerror", None) or ""
            )
            told = {"duty": self.name, "error": type(error).__name__, "words": words}
            logger.warning("duty_failed", **told, failures=self.failures)


def run(stop: threading.Event) -> None:
    """Do all duties until told to stop, and end what is under way then."""
    logger.info("relay_started", publishes=bool(settings.EVENTS_BROKER_URL))
    threads = [threading.Thread(target=duty.run, args=[stop], name=duty.name) for duty in duties()]
    deliverer = Deliverer()
    for thread in threads:
        thread.start()
    deliverer.run(stop)
    for thread in threads:
        thread.join()


def duties() -> list[Duty]:
    """What there is to do beside delivering webhooks; without a broker nothing is published."""
    own = [Duty("number", number_events), Duty("fan_out", fan_out)]
    if settings.EVENTS_BROKER_URL:
        own.append(Duty("publish", EventPublisher(settings.EVENTS_BROKER_URL).publish))
    return own
