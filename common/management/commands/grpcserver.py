"""``manage.py grpcserver``: the same operations over gRPC."""

from __future__ import annotations

import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from common.bulkhead import lock_queue
from common.observability import tracing
from common.observability.metrics_port import report_as


class Command(BaseCommand):
    help = "Serve gRPC on GRPC_PORT, until SIGTERM or Ctrl-C. Several may run."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Calls are answered in threads: this one is there for the signals, from the start."""
        from common.rpc import server  # noqa: PLC0415 - grpcio is loaded where it is served alone

        if settings.GRPC_ADDRESS.endswith(":0"):
            raise CommandError("GRPC_PORT is 0, which is none: name a port.")
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):  # a shell's background job ignores SIGINT
            signal.signal(number, lambda *_: stop.set())
        tracing.begin("grpc")
        report_as("grpc")
        lock_queue.places = max(1, settings.GRPC_THREADS // 2)
        try:
            own = server.Server(
                settings.GRPC_ADDRESS,
                threads=settings.GRPC_THREADS,
                certificate=server.Certificate(*settings.GRPC_TLS) if settings.GRPC_TLS else None,
            )
        except server.AddressTaken as error:
            raise CommandError(
                f"{error} cannot be opened: it is taken (GRPC_PORT names another port), "
                "or certificate and key are none."
            ) from None
        except OSError as error:
            raise CommandError(f"{error.filename} cannot be read: {error.strerror}.") from None
        server.run(own, stop)
        tracing.end()
