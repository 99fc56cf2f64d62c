"""Receivers of webhooks, honest ones and others, on this machine."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from standardwebhooks import Webhook

from tests.waiting import wait_until

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

THREADS = 16
PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came in."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def is_signed_with(self, secret: str) -> bool:
        """Raises what the package raises when it is not."""
        Webhook(secret).verify(self.body, self.headers)
        return True


@dataclass(slots=True)
class Sink:
    """Where it listens, and what it got."""

    port: int
    received: list[Received] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks?of=shop"

    @property
    def ids(self) -> list[str]:
        return [one.id for one in self.received]

    def wait_for(self, count: int, timeout: float = PATIENCE) -> list[Received]:
        wait_until(lambda: len(self.received) >= count, timeout)
        return self.received


@contextmanager
def listening(talk: Callable[[socket.socket], None], threads: int = THREADS) -> Iterator[int]:
    """A port on which every caller is talked to like this; at most so many at once."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as server:
        workers = [threading.Thread(target=_serve, args=[server, talk]) for _ in range(threads)]
        for worker in workers:
            worker.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            for worker in workers:
                worker.join(PATIENCE)


def _serve(server: socket.socket, talk: Callable[[socket.socket], None]) -> None:
    while True:
        try:
            caller, _ = server.accept()
        except OSError:  # it was shut down
            return
        with caller, suppress(OSError):
            caller.settimeout(PATIENCE)
            talk(caller)


@contextmanager
def sink(
    answer: Callable[[Received], int | bytes] = lambda _: 200,
    threads: int = THREADS,
    tls: ssl.SSLContext | None = None,
) -> Iterator[Sink]:
    """A receiver that answers with this status, or with these very bytes."""
    made = Sink(port=0)

    def talk(caller: socket.socket) -> None:
        if tls:
            caller = tls.wrap_socket(caller, server_side=True)
        with caller:
            one = request(caller)
            made.received.append(one)
            said = answer(one)
            caller.sendall(said if isinstance(said, bytes) else head(said))

    with listening(talk, threads) as made.port:
        yield made


def request(caller: socket.socket) -> Received:
    """Read one request to its end."""
    known = b""
    while b"\r\n\r\n" not in known:
        known += _more(caller)
    first, _, body = known.partition(b"\r\n\r\n")
    line, *lines = first.decode().split("\r\n")
    pairs = (one.split(": ", 1) for one in lines)
    headers = {name.lower(): value for name, value in pairs}
    while len(body) < int(headers.get("content-length", 0)):
        body += _more(caller)
    return Received(line, headers, body)


def _more(caller: socket.socket) -> bytes:
    if not (some := caller.recv(65_536)):
        raise ConnectionError("hung up")
    return some


def head(status: int, *lines: str) -> bytes:
    """An answer without a body."""
    return "\r\n".join([f"HTTP/1.1 {status} So", "content-length: 0", *lines, "", ""]).encode()
