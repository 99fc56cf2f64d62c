"""``manage.py projector``: the catalogue follows what happens."""

from __future__ import annotations

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from catalogue import following
from common.observability import tracing
from common.observability.metrics_port import report_as


class Command(BaseCommand):
    help = (
        "Keep the documents of the catalogue up to date, until SIGTERM or Ctrl-C. The first time "
        "it makes all of them. Several may run: one works, the others take over from it."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        """The work is done in threads: this one is there for the signals, from the start."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):  # a shell's background job ignores SIGINT
            signal.signal(number, lambda *_: stop.set())
        tracing.begin("projector")
        report_as("projector")
        worker = threading.Thread(target=following.run, args=[stop], name="projector")
        worker.start()
        while worker.is_alive():
            worker.join(1)
        tracing.end()
