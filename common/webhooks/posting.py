"""One attempt to deliver a webhook: a POST that nobody can lead astray or hold on to."""

from __future__ import annotations

import io
import socket
import ssl
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, InvalidURL
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from common.webhooks.addresses import Address, NotPublic, addresses_of
from common.webhooks.schedule import asked_pause

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from http.client import HTTPResponse
    from urllib.parse import SplitResult

TIMEOUT: Final = 15.0
"""Seconds for all of it: resolving, connecting, sending, and the head of the answer."""
BODY_TIMEOUT: Final = 1.0
"""Seconds to let a receiver finish its answer, of which the head has said everything."""
MOST_READ: Final = 65_536
PORTS: Final = {"http": 80, "https": 443}


class Uncallable(Exception):
    """A URL that no webhook goes to, whoever wrote it into the table."""


FAILURES: Final = (OSError, HTTPException, ValueError, NotPublic, Uncallable)
WORDS: Final = (
    (NotPublic, "The host has an address that is not on the public internet."),
    ((Uncallable, InvalidURL), "This URL cannot be called."),
    (TimeoutError, f"No answer within {TIMEOUT:g} seconds."),
    (socket.gaierror, "The name of the host cannot be resolved."),
    (ssl.SSLCertVerificationError, "The certificate of the host is not valid for it."),
    (ssl.SSLError, "The host does not speak TLS as it should."),
    (ConnectionRefusedError, "The connection was refused."),
    (ConnectionError, "The connection was closed without an answer."),
    (HTTPException, "The answer is not HTTP."),
    (OSError, "The host cannot be reached."),
    (ValueError, "This URL cannot be called."),
)
"""The first that fits; none of them tells what the network behind us looks like."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attempt came to: a status code, or else the error that there was instead.

    ``retry_after`` is for how many seconds the endpoint does not want to be asked again.
    """

    at: datetime
    duration_ms: int
    status_code: int | None = None
    error: str | None = None
    retry_after: float | None = None

    @property
    def is_success(self) -> bool:
        return self.status_code is not None and self.status_code // 100 == HTTPStatus.OK // 100

    @property
    def is_gone(self) -> bool:
        return self.status_code == HTTPStatus.GONE


def post(url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
    """Send it once and say what came of it; ends within TIMEOUT and BODY_TIMEOUT, whoever answers.

    The host is resolved now, and only an address that was checked is connected to. No redirect is
    followed and no proxy used; a certificate must be valid for the name. Never raises FAILURES.
    """
    at, began = datetime.now(UTC), perf_counter()
    status_code = error = retry_after = None
    try:
        status_code, asked = _exchange(url, headers, body)
        retry_after = asked_pause(asked, datetime.now(UTC))
    except FAILURES as failure:
        error = next(words for kind, words in WORDS if isinstance(failure, kind))
    duration_ms = round((perf_counter() - began) * 1_000)
    return Outcome(at, duration_ms, status_code, error, retry_after)


def _exchange(url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str | None]:
    """The status code of the answer, and its Retry-After."""
    parts = urlsplit(url)
    _check(parts)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    with _line(parts, monotonic() + TIMEOUT) as line:
        connection = HTTPConnection(parts.hostname or "")
        connection.sock = line  # it connects nowhere by itself
        own = {"host": parts.netloc, "connection": "close"}
        connection.request("POST", target, body, {**headers, **own})
        answer = connection.getresponse()
        line.give_up_at = min(line.give_up_at, monotonic() + BODY_TIMEOUT)
        _skim(answer)
        return answer.status, answer.getheader("retry-after")


def _check(parts: SplitResult) -> None:
    if parts.scheme not in PORTS or not parts.hostname or "@" in parts.netloc:
        raise Uncallable(parts.scheme)


def _skim(answer: HTTPResponse) -> None:
    """Read the body, so that the receiver is not cut off, but not all of a long one."""
    with suppress(OSError, HTTPException, ValueError):
        answer.read(MOST_READ)


@contextmanager
def _line(parts: SplitResult, give_up_at: float) -> Iterator[_Line]:
    """A connection to a checked address of the URL's host, closed at the end."""
    host = parts.hostname or ""
    port = parts.port or PORTS[parts.scheme]
    addresses = addresses_of(host, port, timeout=_left(give_up_at))
    plug = _connected(addresses, give_up_at)
    try:
        if parts.scheme == "https":
            plug.settimeout(_left(give_up_at))
            plug = _tls().wrap_socket(plug, server_hostname=host.rstrip("."))
        yield _Line(plug, give_up_at)
    finally:
        plug.close()


def _connected(addresses: Sequence[Address], give_up_at: float) -> socket.socket:
    """To the first address that takes the call; each gets its share of the time."""
    failure: OSError = ConnectionRefusedError("no address")
    for place, address in enumerate(addresses):
        plug = socket.socket(address.family, socket.SOCK_STREAM)
        plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # head and body are two writes
        plug.settimeout(_left(give_up_at) / (len(addresses) - place))
        try:
            plug.connect(address.place)
        except OSError as error:
            plug.close()
            failure = error
        else:
            return plug
    raise failure


@cache
def _tls() -> ssl.SSLContext:
    """Reading the certificates that are trusted takes far longer than using them."""
    return ssl.create_default_context()


def _left(give_up_at: float) -> float:
    """Seconds until then; raises TimeoutError when there are none."""
    left = give_up_at - monotonic()
    if left <= 0:
        raise TimeoutError("the time is over")
    return left


class _Line:
    """A socket, as far as http.client uses one, which is over at a moment of ``monotonic()``.

    A time-out of the socket alone would begin anew with every byte that comes.
    """

    def __init__(self, plug: socket.socket, give_up_at: float) -> None:
        self.plug = plug
        self.give_up_at = give_up_at

    def sendall(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            self.plug.settimeout(_left(self.give_up_at))
            rest = rest[self.plug.send(rest) :]

    def makefile(self, *_mode: Any) -> io.BufferedReader:
        return io.BufferedReader(_Incoming(self))

    def close(self) -> None:
        """Whoever opened the socket closes it: the answer may not have been read yet."""


class _Incoming(io.RawIOBase):
    """What arrives on a line."""

    def __init__(self, line: _Line) -> None:
        self._line = line

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._line.plug.settimeout(_left(self._line.give_up_at))
        return self._line.plug.recv_into(buffer)
