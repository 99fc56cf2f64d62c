"""``manage.py relay``: events get their order and travel on."""

from __future__ import annotations

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from common import relay
from common.observability import tracing
from common.observability.metrics_port import report_as


class Command(BaseCommand):
    help = (
        "Number events, publish them to RabbitMQ (EVENTS_BROKER_URL) and deliver webhooks, "
        "until SIGTERM or Ctrl-C. Several may run."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        """The work is done in threads: this one is there for the signals, from the start."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):  # a shell's background job ignores SIGINT
            signal.signal(number, lambda *_: stop.set())
        tracing.begin("relay")
        report_as("relay")
        worker = threading.Thread(target=relay.run, args=[stop], name="relay")
        worker.start()
        while worker.is_alive():
            worker.join(1)
        tracing.end()
