"""A receiver of webhooks to look at: it checks what it gets, and says so line by line."""

from __future__ import annotations

from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import SystemRandom
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from django.utils import timezone
from standardwebhooks import Webhook, WebhookVerificationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_chance: Final = SystemRandom()


class Receiver:
    """What a consumer does with a webhook: check the signature, then look whether it is known.

    Answers 500 to a share of what comes (0 to 1), as a consumer that breaks down now and then.
    """

    def __init__(self, *, say: Callable[[str], object], fail: float = 0.0) -> None:
        self.secret = ""
        self._say = say
        self._fail = fail
        self._known: set[str] = set()
        self._lock = Lock()

    def receive(self, headers: Mapping[str, str], body: bytes) -> HTTPStatus:
        """The status to answer with."""
        try:
            envelope = Webhook(self.secret).verify(body, dict(headers))
        except (WebhookVerificationError, ValueError):
            self._say(f"{_now()}  refused: not signed with the secret of this endpoint")
            return HTTPStatus.BAD_REQUEST
        status, verdict = self._judged(envelope["id"])
        number = int(envelope["sequence"])
        self._say(f"{_now()} {number:>7}  {envelope['type']:<21} {envelope['subject']}  {verdict}")
        return status

    def _judged(self, webhook_id: str) -> tuple[HTTPStatus, str]:
        if _chance.random() < self._fail:
            return HTTPStatus.INTERNAL_SERVER_ERROR, "verified, answered 500"
        with self._lock:
            is_known = webhook_id in self._known
            self._known.add(webhook_id)
        return HTTPStatus.OK, "verified, a duplicate" if is_known else "verified"


class SinkServer(ThreadingHTTPServer):
    """Listens on this machine alone; port 0 is any that is free."""

    def __init__(self, port: int, receiver: Receiver) -> None:
        self.receiver = receiver
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class _Handler(BaseHTTPRequestHandler):
    server: SinkServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.send_response(self.server.receiver.receive(dict(self.headers.items()), body))
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """The receiver says what there is to say."""


def _now() -> str:
    return f"{timezone.localtime():%H:%M:%S}"
