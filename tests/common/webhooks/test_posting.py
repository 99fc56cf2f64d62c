"""One attempt: nobody can lead it astray, and nobody can hold on to it."""

from __future__ import annotations

import ssl
import subprocess
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest

from common.webhooks import posting
from common.webhooks.posting import post
from tests.common.webhooks.sinks import head, listening, request, sink

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

QUICK = 0.25
"""Seconds instead of fifteen."""


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(posting, "TIMEOUT", QUICK)


def outcome_of(answer: bytes) -> posting.Outcome:
    with sink(lambda _: answer) as receiver:
        return post(receiver.url, {}, b"{}")


def url_of(port: int) -> str:
    return f"http://127.0.0.1:{port}/"


def test_it_arrives_as_it_was_given():
    with sink() as receiver:
        outcome = post(receiver.url, {"webhook-id": "one"}, b'{"a":1}')
    assert (outcome.status_code, outcome.error, outcome.is_success) == (200, None, True)
    assert abs((datetime.now(UTC) - outcome.at).total_seconds()) < 60
    (one,) = receiver.received
    assert (one.line, one.body) == ("POST /hooks?of=shop HTTP/1.1", b'{"a":1}')
    assert (one.id, one.headers["host"]) == ("one", f"127.0.0.1:{receiver.port}")


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_it_is_a_success(status):
    assert outcome_of(head(status)).is_success


@pytest.mark.parametrize("status", [300, 304, 400, 404, 410, 429, 500, 503])
def test_it_is_a_failure(status):
    outcome = outcome_of(head(status))
    assert (outcome.status_code, outcome.error, outcome.is_success) == (status, None, False)
    assert outcome.is_gone == (status == 410)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_failure_and_not_followed(status):
    with sink() as elsewhere, sink(lambda _: head(status, f"location: {elsewhere.url}")) as here:
        outcome = post(here.url, {}, b"{}")
    assert (outcome.status_code, outcome.is_success) == (status, False)
    assert (len(here.received), len(elsewhere.received)) == (1, 0)


def test_a_proxy_of_the_environment_is_not_used(monkeypatch):
    with sink() as proxy, sink() as receiver:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, url_of(proxy.port))
        assert post(receiver.url, {}, b"{}").is_success
    assert (len(proxy.received), len(receiver.received)) == (0, 1)


@pytest.mark.parametrize(
    "url",
    [
        "http://user:password@127.0.0.1:1/",
        "http://@127.0.0.1:1/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "http:///path",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:1/a b",
        "http://127.0.0.1:1/\r\nx: y",
        "http://[::1/",
    ],
)
def test_such_a_url_is_not_called(url, monkeypatch):
    sent: list[bytes] = []
    monkeypatch.setattr("socket.socket.connect", lambda *_: None)
    monkeypatch.setattr("socket.socket.send", lambda _, data: sent.append(data))
    assert post(url, {}, b"{}").error == "This URL cannot be called."
    assert sent == []


def test_nobody_listens():
    with listening(lambda _: None) as port:
        pass
    assert post(url_of(port), {}, b"{}").error == "The connection was refused."


def test_hung_up_without_an_answer():
    assert outcome_of(b"").error == "The connection was closed without an answer."


@pytest.mark.parametrize(
    "answer", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 2x0 OK\r\n\r\n", b"a" * 70_000], ids=str
)
def test_something_else_than_http(answer):
    assert outcome_of(answer).error == "The answer is not HTTP."


def test_a_silent_server_is_given_up(short):
    is_over = threading.Event()

    def talk(_: socket.socket) -> None:
        is_over.wait(10)

    with listening(talk) as port:
        outcome = post(url_of(port), {}, b"{}")
        is_over.set()
    assert outcome.error == "No answer within 15 seconds."
    assert QUICK * 1_000 <= outcome.duration_ms < 5_000


@contextmanager
def trickling() -> Iterator[int]:
    """A server that keeps saying something, for three times as long as anybody waits for it."""
    pause = threading.Event()

    def talk(caller: socket.socket) -> None:
        request(caller)
        caller.sendall(b"HTTP/1.1 200 OK\r\nx: ")
        for _ in range(30):
            caller.sendall(b"x")
            pause.wait(QUICK / 10)
        caller.sendall(b"\r\ncontent-length: 0\r\n\r\n")

    with listening(talk) as port:
        yield port


def test_a_server_that_trickles_is_given_up(short):
    with trickling() as port:
        outcome = post(url_of(port), {}, b"{}")
    assert outcome.error == "No answer within 15 seconds."


def test_a_time_out_of_the_socket_alone_would_wait_for_it(monkeypatch):
    """Negative control: if this fails, the test above proves nothing."""
    monkeypatch.setattr(posting, "_left", lambda _: 5.0)
    with trickling() as port:
        assert post(url_of(port), {}, b"{}").status_code == 200


def test_an_answer_without_end_is_a_success_by_its_head(monkeypatch):
    monkeypatch.setattr(posting, "MOST_READ", 1_000)
    seen: list[int] = []

    def talk(caller: socket.socket) -> None:
        request(caller)
        caller.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:  # until the other side hangs up
            caller.sendall(b"x" * 1_000)
            seen.append(1)

    with listening(talk) as port:
        assert post(url_of(port), {}, b"{}").is_success
    assert len(seen) < 100_000


def test_a_body_that_trickles_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(posting, "BODY_TIMEOUT", 0.1)
    is_over = threading.Event()

    def talk(caller: socket.socket) -> None:
        request(caller)
        caller.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx")
        is_over.wait(10)

    with listening(talk) as port:
        outcome = post(url_of(port), {}, b"{}")
        is_over.set()
    assert outcome.is_success
    assert outcome.duration_ms < 5_000


def test_how_long_an_endpoint_wants_to_be_left_alone():
    assert outcome_of(head(503, "retry-after: 120")).retry_after == 120
    soon = format_datetime(datetime.fromtimestamp(2**31, UTC), usegmt=True)
    assert outcome_of(head(429, f"retry-after: {soon}")).retry_after == 86_400
    assert outcome_of(head(503)).retry_after is None


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """For localhost and nobody else."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")),
        ],
        check=True,
        capture_output=True,
    )
    return folder


@pytest.fixture
def tls(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "certificate.pem", certificate / "key.pem")
    return context


@pytest.fixture
def trusted(certificate, monkeypatch):
    context = ssl.create_default_context(cafile=str(certificate / "certificate.pem"))
    monkeypatch.setattr(posting, "_tls", lambda: context)


def test_over_tls_the_certificate_must_be_for_the_name(tls, trusted):
    with sink(tls=tls) as receiver:
        right = post(f"https://localhost:{receiver.port}/", {}, b"{}")
        wrong = post(f"https://127.0.0.1:{receiver.port}/", {}, b"{}")
    assert right.is_success
    assert wrong.error == "The certificate of the host is not valid for it."
    assert len(receiver.received) == 1


def test_over_tls_nobody_is_believed_whom_nobody_vouches_for(tls):
    with sink(tls=tls) as receiver:
        outcome = post(f"https://localhost:{receiver.port}/", {}, b"{}")
    assert outcome.error == "The certificate of the host is not valid for it."
    assert receiver.received == []


def test_a_server_that_speaks_no_tls(short):
    with sink() as receiver:
        outcome = post(f"https://127.0.0.1:{receiver.port}/", {}, b"{}")
    assert outcome.error in {
        "The host does not speak TLS as it should.",
        "The connection was closed without an answer.",
        "No answer within 15 seconds.",
    }
