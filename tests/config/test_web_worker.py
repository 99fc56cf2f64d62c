"""Callers that are silent, slow, or leave something unread: nobody else has to wait for them."""

from __future__ import annotations

import select
import socket
import subprocess
import sys
import time
from collections import deque
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection
from selectors import EVENT_READ, DefaultSelector
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from config.web_worker import WebWorker
from tests.config import hasty, stopped_early
from tests.running import free_port
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

THREADS = 2
CROWD = 4 * THREADS
ROUNDS = CROWD / THREADS * hasty.HastyWorker.body  # seconds, if all of them kept a thread
AT_ONCE = 0.5  # seconds: much less than any caller is given, on a slow machine too
PIECE = b"x" * 2**17
PIECES = 12
SIZE = PIECES * len(PIECE)


@contextmanager
def running(worker: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A real gunicorn with one such worker: its port, and its process."""
    port = free_port()
    options = ["-k", worker, "--threads", str(THREADS), "-b", f"127.0.0.1:{port}"]
    command = [sys.executable, "-m", "gunicorn", "--no-control-socket", *options]
    with subprocess.Popen([*command, hasty.__name__], stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: is_up(port))
            yield port, process
        finally:
            process.terminate()


@contextmanager
def gunicorn(worker: str) -> Iterator[int]:
    with running(worker) as (port, _):
        yield port


def is_up(port: int) -> bool:
    with suppress(OSError), calling(port):
        return True
    return False


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with gunicorn(f"{hasty.__name__}.HastyWorker") as port:
        yield port


def calling(port: int, message: bytes = b"") -> socket.socket:
    caller = socket.create_connection(("127.0.0.1", port), timeout=10)
    caller.sendall(message)
    return caller


def post(path: str, *headers: str) -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode()


def seconds_to_answer(port: int, patience: float = 20) -> float:
    """How long somebody waits who does everything right."""
    start = time.monotonic()
    connection = HTTPConnection("127.0.0.1", port, timeout=patience)
    connection.request("POST", "/read", body=b"abc")
    with suppress(TimeoutError):
        assert connection.getresponse().read() == b"abc"
    connection.close()
    return time.monotonic() - start


def whole_answer(caller: socket.socket) -> bytes:
    with suppress(ConnectionError):
        return b"".join(iter(lambda: caller.recv(65_536), b""))
    return b""


class TestRefusals:
    def test_one_goes_out_before_the_body_is_there(self, port):
        with calling(port, post("/", "Content-Length: 2000000")) as caller:
            start = time.monotonic()
            assert caller.recv(12) == b"HTTP/1.1 401"
            assert time.monotonic() - start < AT_ONCE

    def test_a_caller_that_never_sends_its_body_is_sent_away(self, port):
        with calling(port, post("/", "Content-Length: 10")) as caller:
            assert whole_answer(caller).startswith(b"HTTP/1.1 401")

    def test_one_says_so_where_the_caller_may_not_stay(self, port):
        """Otherwise a proxy would send its next request on a connection that is being closed."""
        with calling(port, post("/", "Content-Length: 2000000") + PIECE) as caller:
            assert b"Connection: close" in whole_answer(caller)
        with calling(port, post("/", "Content-Length: 3") + b"abc") as caller:
            assert b"Connection: keep-alive" in caller.recv(65_536)

    def test_one_that_sends_more_than_anybody_takes_in_is_cut_off(self, port):
        caller = calling(port, post("/", f"Content-Length: {2**30}"))
        with caller, pytest.raises(ConnectionError):
            caller.sendall(1000 * PIECE)

    def test_one_whose_body_is_soon_there_may_stay(self, port):
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        for _ in range(3):
            connection.request("POST", "/", body=b"abc")
            assert connection.getresponse().read() == b""
            assert connection.sock, "it was told to close"
            connection.auto_open = False  # so that the next request needs this connection
        connection.close()

    @pytest.mark.parametrize("chunked", [False, True])
    def test_one_reaches_a_client_whose_large_body_nobody_read(self, port, chunked):
        assert all(answered(port, chunked=chunked) for _ in range(3))

    def test_behind_a_plain_worker_it_does_not(self):
        """Negative control: if this fails, the test above proves nothing."""
        with gunicorn("gthread") as port:
            assert not any(answered(port) for _ in range(3))


def answered(port: int, *, chunked: bool = False) -> bool:
    """Whether the refusal reaches a client that sends a large body piece by piece.

    As nginx does, it sends all before it looks at the answer, and gives up when it cannot. Each
    piece takes a moment, so that a server that does not wait is caught in the act.
    """
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {SIZE}"
    pieces = [b"%x\r\n%b\r\n" % (len(PIECE), PIECE) if chunked else PIECE] * PIECES
    try:
        with calling(port, post("/", length)) as client:
            for piece in [*pieces, b"0\r\n\r\n" if chunked else b""]:
                select.select([], [], [client], 0.02)
                client.sendall(piece)
            return client.recv(12) == b"HTTP/1.1 401"
    except OSError:
        return False


class TestBodies:
    @pytest.mark.parametrize("length", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
    def test_one_that_trickles_is_late_all_the_same(self, port, length):
        """The deadline is for all of it: one byte after the other does not move it."""
        with calling(port, post("/read", length)) as caller:
            caller.settimeout(0.05)
            answer = b""
            start = time.monotonic()
            while not answer:
                assert time.monotonic() - start < 5
                caller.sendall(b"1\r\nx\r\n" if "chunked" in length else b"x")
                with suppress(TimeoutError):
                    answer = caller.recv(65_536)
            caller.settimeout(10)
            answer += whole_answer(caller)
        assert answer.startswith(b"HTTP/1.1 408")
        assert b"Connection: close" in answer


CROWDS = {
    "say nothing": b"",
    "never end their first line": b"POST",
    "never end their headers": b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Long: ",
    "never send the body of a refused request": post("/", "Content-Length: 10"),
    "never send the body of a good one": post("/read", "Content-Length: 10"),
    "never send a chunk": post("/read", "Transfer-Encoding: chunked"),
    "never close": post("/read", "Content-Length: 0", "Connection: close"),
    "never read": post("/huge"),
    "never read a file": post("/file"),
}


@pytest.mark.parametrize("message", CROWDS.values(), ids=CROWDS.keys())
def test_a_crowd_delays_nobody(port, message):
    """Many more than there are threads, each of them with a time of its own to waste."""
    with ExitStack() as crowd:
        for _ in range(CROWD):
            crowd.enter_context(calling(port, message))
        assert seconds_to_answer(port) < ROUNDS / 2


@pytest.mark.parametrize("worker", ["gthread", f"{hasty.__name__}.HastyWorker"])
def test_behind_a_plain_worker_it_does(worker):
    """Negative control: if this fails, the test above proves nothing."""
    with gunicorn(worker) as port, ExitStack() as crowd:
        for _ in range(CROWD):
            crowd.enter_context(calling(port, CROWDS["never end their headers"]))
        assert (seconds_to_answer(port, ROUNDS) < ROUNDS / 2) == (worker != "gthread")


def answers(caller: socket.socket, number: int) -> bytes:
    """So many answers, each of them ``abc``."""
    read = b""
    while read.count(b"abc") < number:
        read += caller.recv(65_536)
    return read


class TestHeaders:
    def test_they_may_come_in_pieces(self, port):
        request = post("/read", "Content-Length: 3", f"X-Long: {'x' * 8000}", "X-Longer: y")
        with calling(port) as caller:
            for start in range(0, len(request), 1500):
                caller.sendall(request[start : start + 1500])
                select.select([], [], [caller], 0.02)
            caller.sendall(b"abc")
            assert answers(caller, 1).endswith(b"abc")

    def test_several_requests_may_come_at_once(self, port):
        request = post("/read", "Content-Length: 3") + b"abc"
        with calling(port, 3 * request + request[:30]) as caller:
            assert answers(caller, 3).count(b"HTTP/1.1 200") == 3
            caller.sendall(request[30:])
            assert answers(caller, 1).startswith(b"HTTP/1.1 200")

    def test_who_trickles_them_is_sent_away(self, port):
        start = time.monotonic()
        with calling(port, b"GET / HTTP/1.1\r\nX-Long: ") as caller:
            while not select.select([caller], [], [], 0.05)[0]:
                assert time.monotonic() - start < 5
                caller.sendall(b"x")
            assert not whole_answer(caller)


class TestStopping:
    """gunicorn ends a worker so when it is told to stop, and when it loads new code."""

    def test_what_is_under_way_is_answered_and_the_silent_are_not_waited_for(self):
        with running(f"{hasty.__name__}.HastyWorker") as (port, process), ExitStack() as crowd:
            for message in (b"", CROWDS["never end their headers"]):
                crowd.enter_context(calling(port, message))
            busy = crowd.enter_context(calling(port, post("/slow")))
            select.select([], [], [busy], hasty.SLOW / 3)
            start = time.monotonic()
            process.terminate()
            assert whole_answer(busy).endswith(b"at last")
            process.wait(10)
            assert time.monotonic() - start < 5

    def test_who_has_come_just_before_may_still_ask(self):
        with (
            running(f"{hasty.__name__}.WaitingWorker") as (port, process),
            calling(port) as silent,
        ):
            seconds_to_answer(port)  # by then the silent one has been accepted, too
            process.terminate()
            assert not select.select([silent], [], [], 2 * hasty.WaitingWorker.first_byte)[0]
            silent.sendall(post("/slow"))
            assert whole_answer(silent).endswith(b"at last")


@pytest.mark.parametrize("has_asked", [True, False])
def test_who_asks_when_its_time_is_over_is_heard(has_asked):
    """The poller had nothing to tell a moment ago, and a busy machine makes moments long."""
    worker, heard, left = object.__new__(WebWorker), [], []
    here, there = socket.socketpair()
    with here, there, DefaultSelector() as worker.poller:
        idle = SimpleNamespace(sock=here, timeout=0.0, close=lambda: left.append(idle))
        worker.poller.register(here, EVENT_READ)
        worker.keepalived_conns, worker.nr_conns, worker.enqueue_req = (
            deque([idle]),
            1,
            heard.append,
        )
        if has_asked:
            there.sendall(b"G")
        worker.murder_keepalived()
    assert (heard, left) == (([idle], []) if has_asked else ([], [idle]))


def test_tls_is_not_for_this_worker():
    options = ["-k", "config.web_worker.WebWorker", "--certfile", __file__, "--keyfile", __file__]
    done = subprocess.run(
        [sys.executable, "-m", "gunicorn", *options, hasty.__name__],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode != 0
    assert "TLS is for the proxy" in done.stderr


def test_asked_to_stop_while_it_starts_it_stops():
    """Not only after the 30 seconds that a worker has for its last requests."""
    settings = ["-c", stopped_early.__file__, "-k", "config.web_worker.WebWorker"]
    options = ["--no-control-socket", "-b", f"127.0.0.1:{free_port()}", *settings]
    command = [sys.executable, "-m", "gunicorn", *options, hasty.__name__]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            assert process.wait(10) == 0
        finally:
            process.kill()
