"""``manage.py relay``: events get their order and travel on."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Any, NoReturn

from django.core.management.base import BaseCommand

from common import relay

if TYPE_CHECKING:
    from types import FrameType


class Command(BaseCommand):
    help = (
        "Number events, publish them to RabbitMQ (EVENTS_BROKER_URL) and deliver webhooks, "
        "until SIGTERM or Ctrl-C. Several may run."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        """The work is done in threads, so that a signal finds this one waiting and nothing else."""
        stop = threading.Event()
        worker = threading.Thread(target=relay.run, args=[stop], name="relay")
        for number in (
            signal.SIGTERM,
            signal.SIGINT,
        ):  # a shell's background job ignores the latter
            signal.signal(number, _interrupt)
        worker.start()
        try:
            while worker.is_alive():
                worker.join(1)
        except KeyboardInterrupt:
            stop.set()
            worker.join()


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
