"""What the web server itself answers, before or without the application."""

import socket
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def send(running_server):
    """Send these lines as they are; returns everything that comes back."""
    address = urlsplit(running_server.base_url)

    def exchange(*lines):
        head = "\r\n".join([*lines, f"Host: {address.netloc}", "Connection: close", "", ""])
        with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
            connection.sendall(head.encode("latin-1"))
            return b"".join(iter(lambda: connection.recv(65_536), b"")).decode("latin-1")

    return exchange


def status(answer):
    return int(answer.split(" ", 2)[1])


def test_an_answer_to_head_has_no_body(send):
    whole = send("GET /health HTTP/1.1").partition("\r\n\r\n")[2]
    head, _, body = send("HEAD /health HTTP/1.1").partition("\r\n\r\n")
    assert f"Content-Length: {len(whole)}" in head
    assert body == ""


def test_headers_that_fit_are_accepted(send):
    headers = [f"X-Long-{number}: {'a' * 4_000}" for number in range(7)]
    assert status(send("GET /health HTTP/1.1", *headers)) == 200


@pytest.mark.parametrize(
    "headers",
    [
        [f"X-Long: {'a' * 32_000}"],
        [f"X-Long-{number}: {'a' * 4_000}" for number in range(8)],
        [f"X-Short-{number}: a" for number in range(101)],
    ],
    ids=["one long header", "long together", "too many"],
)
def test_headers_that_are_too_much_are_refused(send, headers):
    assert status(send("GET /health HTTP/1.1", *headers)) == 431


def test_an_address_that_is_too_long_is_refused(send):
    assert status(send(f"GET /{'a' * 9_000} HTTP/1.1")) == 414
    assert status(send(f"GET /{'a' * 8_000} HTTP/1.1")) == 404
