from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest

from common.api.unread import read_to_the_end
from tests.common.api import refusing
from tests.running import free_port
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGE = b"x" * (2**20 + 2**19)
TRIES = 20


@contextmanager
def gunicorn(application: str) -> Iterator[int]:
    """The port of a real gunicorn before this application."""
    port = free_port()
    options = ["-k", "gthread", "--threads", "2", "-b", f"127.0.0.1:{port}"]
    command = [sys.executable, "-m", "gunicorn", "--no-control-socket", *options]
    module = f"tests.common.api.refusing:{application}"
    with subprocess.Popen([*command, module], stderr=subprocess.DEVNULL) as process:
        wait_until(lambda: answered(port))
        yield port
        process.terminate()


def answered(port: int, **request: Any) -> bool:
    """Whether the refusal reaches the client."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", "/", **request)
        return connection.getresponse().status == 401
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


CHUNKED = {"headers": {"Transfer-Encoding": "chunked"}, "encode_chunked": True}


@pytest.mark.parametrize("request_", [{"body": LARGE}, {"body": [LARGE], **CHUNKED}])
def test_a_refusal_reaches_a_client_whose_body_nobody_read(request_):
    with gunicorn("application") as port:
        assert all(answered(port, **request_) for _ in range(TRIES))


def test_a_careless_application_loses_it_now_and_then():
    """Negative control: if this fails, the test above proves nothing."""
    with gunicorn("careless") as port:
        assert not all(answered(port, body=LARGE) for _ in range(TRIES))


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


def test_a_client_that_breaks_off_spoils_nothing():
    class Broken:
        def read(self, _size: int) -> bytes:
            raise ConnectionResetError

    environ: dict[str, Any] = {"CONTENT_LENGTH": "3", "wsgi.input": Broken(), **ENDING}
    answer = read_to_the_end(refusing.careless)(environ, lambda *_: lambda _body: None)
    assert answer == []
