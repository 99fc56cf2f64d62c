"""``/metrics`` and ``/health`` of processes that serve nothing else: worker, relay, consumer.

On METRICS_PORT, at the address that BIND names; it shows nothing that a client may not know, and
yet is for the network of the machines alone. Figures of the database are with the web server.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from common.observability import sharing
from common.observability.duties import duties
from common.observability.exposition import Counted
from common.observability.logs import get_logger

logger: Final = get_logger(__name__)

AGAIN: Final = 10.0
"""Seconds until a port that somebody else has is tried again."""
LONGEST: Final = 5.0
"""Seconds that a caller has to ask."""

registry: Final = CollectorRegistry()
registry.register(Counted())


def report_as(kind: str, *, forks: bool = False) -> None:
    """Let this process be asked what it counts, and whether its duties are done, from now on.

    With PROMETHEUS_MULTIPROC_DIR it counts there, together with the others; one that ``forks``
    does so with its children in any case. On METRICS_PORT it answers in a thread; 0 is none. A
    port that cannot be had is logged and tried again: the work matters more than its figures.
    """
    port = settings.METRICS_PORT
    if os.environ.get(sharing.VARIABLE) or (forks and port):
        sharing.begin(f"{kind}-{port}")
        sharing.share_as(kind)
    if port:
        address = (settings.METRICS_ADDRESS, port)
        threading.Thread(target=_serve, args=[address], name="metrics", daemon=True).start()


class Server(ThreadingHTTPServer):
    """One thread for each caller, of which there are few: Prometheus, and who looks after us."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int]) -> None:
        """Raises OSError where the address cannot be had."""
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, _Caller)
        os.register_at_fork(after_in_child=self.socket.close)  # or children would keep the port

    def handle_error(self, *_caller: Any) -> None:
        """A caller who hangs up is no news."""


class _Caller(BaseHTTPRequestHandler):
    timeout = LONGEST

    def do_GET(self) -> None:
        match urlsplit(self.path).path.rstrip("/"):
            case "/metrics":
                encode, media_type = choose_encoder(self.headers.get("Accept", ""))
                self._answer(HTTPStatus.OK, media_type, encode(registry))
            case "/health":
                self._tell_health()
            case _:
                self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"/metrics or /health\n")

    def _tell_health(self) -> None:
        late = duties.standing_still()
        told = {"status": "unhealthy" if late else "healthy", "standing_still": late}
        status = HTTPStatus.SERVICE_UNAVAILABLE if late else HTTPStatus.OK
        self._answer(status, "application/json", json.dumps(told).encode())

    def _answer(self, status: HTTPStatus, media_type: str, body: bytes) -> None:
        self.send_response(status)
        for name, value in (
            ("Content-Type", media_type),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: Any) -> None:
        """Who asks every few seconds is not worth a line."""


def _serve(address: tuple[str, int]) -> None:
    is_told = False
    while True:
        try:
            server = Server(address)
        except OSError as error:
            if not is_told:
                logger.warning("metrics_port_unavailable", port=address[1], reason=error.strerror)
            is_told = True
            threading.Event().wait(AGAIN)
        else:
            server.serve_forever()
