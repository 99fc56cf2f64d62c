from __future__ import annotations

import select
import socket
import subprocess
import sys
from contextlib import contextmanager, suppress
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest

from common.api.unread import read_to_the_end
from tests.common.api import refusing
from tests.running import free_port
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE = b"x" * 2**17
PIECES = 12
SIZE = PIECES * len(PIECE)


@contextmanager
def gunicorn(application: str) -> Iterator[int]:
    """The port of a real gunicorn before this application."""
    port = free_port()
    options = ["-k", "gthread", "--threads", "2", "-b", f"127.0.0.1:{port}"]
    command = [sys.executable, "-m", "gunicorn", "--no-control-socket", *options]
    module = f"tests.common.api.refusing:{application}"
    with subprocess.Popen([*command, module], stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: is_up(port))
            yield port
        finally:
            process.terminate()


def is_up(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


def answered(port: int, *, chunked: bool = False) -> bool:
    """Whether the refusal reaches a client that sends a large body piece by piece.

    As nginx does, it sends all before it looks at the answer, and gives up when it cannot. Each
    piece takes a moment, so that a server that does not wait is caught in the act.
    """
    head = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {SIZE}"
    pieces = [b"%x\r\n%b\r\n" % (len(PIECE), PIECE) if chunked else PIECE] * PIECES
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
            client.sendall(f"POST / HTTP/1.1\r\nHost: localhost\r\n{head}\r\n\r\n".encode())
            for piece in [*pieces, b"0\r\n\r\n" if chunked else b""]:
                select.select([], [], [client], 0.02)
                client.sendall(piece)
            return client.recv(12) == b"HTTP/1.1 401"
    except OSError:
        return False


@pytest.mark.parametrize("chunked", [False, True])
def test_a_refusal_reaches_a_client_whose_body_nobody_read(chunked):
    with gunicorn("application") as port:
        assert all(answered(port, chunked=chunked) for _ in range(3))


def test_a_careless_application_loses_it():
    """Negative control: if this fails, the test above proves nothing."""
    with gunicorn("careless") as port:
        assert not any(answered(port) for _ in range(3))


def left_unread(size: int, **environ: Any) -> int:
    body = BytesIO(b"x" * size)
    environ |= {"wsgi.input": body}
    answer = refusing.application(environ, lambda *_: lambda _body: None)
    assert answer == []
    return size - body.tell()


ENDING = {"wsgi.input_terminated": True}


def test_no_more_than_the_limit_is_read():
    announced = {"CONTENT_LENGTH": "9999999"}
    assert left_unread(refusing.LIMIT, **announced, **ENDING) == 0
    assert left_unread(refusing.LIMIT + 5, **announced, **ENDING) == 5


@pytest.mark.parametrize(
    "environ", [{"CONTENT_LENGTH": "3"}, {"CONTENT_LENGTH": "0", **ENDING}, ENDING]
)
def test_without_a_body_or_without_an_end_of_it_nothing_is_read(environ):
    assert left_unread(3, **environ) == 3


def test_a_client_that_breaks_off_spoils_nothing() -> None:
    class Broken:
        def read(self, _size: int) -> bytes:
            raise ConnectionResetError

    environ = {"CONTENT_LENGTH": "3", "wsgi.input": Broken(), **ENDING}
    answer = read_to_the_end(refusing.careless)(environ, lambda *_: lambda _body: None)
    assert answer == []
