from __future__ import annotations

import socket
import subprocess
import sys
from http.client import HTTPConnection, HTTPResponse
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest

from common.api.chunked import buffered_chunked_bodies
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def gunicorn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The socket of a real gunicorn in front of an application that measures bodies."""
    path = tmp_path_factory.mktemp("gunicorn") / "s"
    options = ["-k", "gthread", "--threads", "2", "-b", f"unix:{path}", "--no-control-socket"]
    command = [sys.executable, "-m", "gunicorn", *options, "tests.common.api.measuring"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        first_caller = wait_until(lambda: _connected(path))
        assert first_caller
        first_caller.close()
        yield path
        process.terminate()


@pytest.fixture
def connection(gunicorn: Path) -> Iterator[HTTPConnection]:
    connection = HTTPConnection("localhost", timeout=10)
    connection.sock = _connected(gunicorn)
    yield connection
    connection.close()


def _connected(path: Path) -> socket.socket | None:
    """None while nobody listens there."""
    caller = socket.socket(socket.AF_UNIX)
    try:
        caller.connect(str(path))
    except OSError:
        caller.close()
        return None
    return caller


def in_pieces(*pieces: bytes) -> dict[str, Any]:
    """As http.client sends what it cannot measure: chunked."""
    headers = {"Transfer-Encoding": "chunked"}
    return {"body": iter(pieces), "headers": headers, "encode_chunked": True}


def sent(connection: HTTPConnection, **request: Any) -> str:
    connection.request("POST", "/", **request)
    return connection.getresponse().read().decode()


class TestBehindGunicorn:
    def test_a_chunked_body_gets_its_length(self, connection):
        assert sent(connection, **in_pieces(b"abc", b"d" * 500)) == "stated 503, read 503"

    def test_an_empty_chunked_body_has_length_zero(self, connection):
        assert sent(connection, **in_pieces()) == "stated 0, read 0"

    def test_a_body_at_the_limit_is_whole(self, connection):
        assert sent(connection, **in_pieces(b"x" * 1000)) == "stated 1000, read 1000"

    @pytest.mark.parametrize("size", [1001, 50_000])
    def test_a_longer_one_is_cut_where_it_is_seen_to_be_too_long(self, connection, size):
        assert sent(connection, **in_pieces(b"x" * size)) == "stated 1001, read 1001"

    def test_the_next_request_on_the_connection_is_not_mixed_up_with_the_rest(self, connection):
        sent(connection, **in_pieces(b"x" * 50_000))
        assert sent(connection, **in_pieces(b"abc")) == "stated 3, read 3"

    def test_other_bodies_are_as_they_were(self, connection):
        assert sent(connection, body=b"x" * 2000) == "stated 2000, read 2000"
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"stated none, read 0"

    def test_broken_chunks_are_refused_before_the_application_is_reached(self, connection):
        connection.sock.sendall(
            b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc"
        )
        response = HTTPResponse(connection.sock)
        response.begin()
        assert response.status == 400


def seen_by_the_application(**environ: Any) -> dict[str, Any]:
    seen: dict[str, Any] = {}

    def application(environ: dict[str, Any], _start_response: object) -> Iterable[bytes]:
        seen.update(environ)
        return []

    buffered_chunked_bodies(application)(environ, lambda *_: lambda _body: None)
    return seen


CHUNKED = {"HTTP_TRANSFER_ENCODING": "Chunked", "wsgi.input_terminated": True}


def test_what_was_true_of_the_chunks_is_not_said_of_the_body():
    seen = seen_by_the_application(**CHUNKED, **{"wsgi.input": BytesIO(b"abc")})
    assert "HTTP_TRANSFER_ENCODING" not in seen
    assert (seen["CONTENT_LENGTH"], seen["wsgi.input"].read()) == ("3", b"abc")


def test_the_usual_limit_is_one_byte_past_what_the_api_reads():
    seen = seen_by_the_application(**CHUNKED, **{"wsgi.input": BytesIO(b"x" * (2**20 + 9))})
    assert seen["CONTENT_LENGTH"] == str(2**20 + 1)


def test_input_that_never_ends_is_not_touched():
    """A server that does not say that it ends the input might keep us reading for ever."""
    seen = seen_by_the_application(HTTP_TRANSFER_ENCODING="chunked", **{"wsgi.input": None})
    assert "CONTENT_LENGTH" not in seen


class Late(BytesIO):
    """A body that does not come in time: see config.web_worker."""

    def read(self, _size: int | None = -1, /) -> bytes:
        raise TimeoutError


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("framing", "body", "status", "code"),
    [
        (CHUNKED, BytesIO(b"x" * (2**20 + 9)), "413 Request Entity Too Large", "payload_too_large"),
        (CHUNKED, Late(), "408 Request Timeout", "request_timeout"),
        ({"CONTENT_LENGTH": "9"}, Late(), "408 Request Timeout", "request_timeout"),
    ],
)
def test_bodies_that_are_too_large_or_late_end_alike(client, framing, body, status, code):
    """Through the whole service: the API refuses them in its own words."""
    from config.wsgi import application

    given: list[str] = []
    environ = {
        **client._base_environ(PATH_INFO="/api/v1/products", REQUEST_METHOD="POST"),
        **framing,
        "HTTP_X_API_KEY": client.key,
        "CONTENT_TYPE": "application/json",
        "wsgi.input": body,
    }

    def start_response(line: str, *_: object) -> Any:
        given.append(line)

    answer = b"".join(application(environ, start_response))
    assert given == [status]
    assert f'"{code}"' in answer.decode()
