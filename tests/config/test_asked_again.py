"""Whoever asks again at once is answered by the same thread, and nobody else has to wait for it."""

from __future__ import annotations

import select
import subprocess
import sys
import time
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection, HTTPResponse
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from gunicorn.workers.gthread import ThreadWorker

from config.web_worker import WebWorker
from tests.config import asked_again
from tests.config.test_web_worker import calling, is_up
from tests.running import free_port
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

WATCHED = f"{asked_again.__name__}.WatchedWorker"
OURS = "config.web_worker.WebWorker"
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
WAIT = asked_again.WatchedWorker.next_request


@contextmanager
def gunicorn(
    worker: str, *, threads: int, workers: int = 1
) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    port = free_port()
    size = ["--threads", str(threads), "--workers", str(workers), "--keep-alive", "75"]
    options = ["-k", worker, *size, "-b", f"127.0.0.1:{port}", "--no-control-socket"]
    command = [sys.executable, "-m", "gunicorn", *options, asked_again.__name__]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: is_up(port))
            yield port, process
        finally:
            process.terminate()


def connected(port: int) -> HTTPConnection:
    return HTTPConnection("127.0.0.1", port, timeout=10)


def asked(caller: HTTPConnection) -> list[int]:
    """Process, thread, and how often a caller has been given to a thread by now."""
    caller.request("GET", "/")
    return [int(number) for number in caller.getresponse().read().split()]


@pytest.mark.slow
class TestTheSameCaller:
    def test_is_answered_without_being_handed_over(self):
        with gunicorn(WATCHED, threads=2) as (port, _), closing(connected(port)) as caller:
            answers = [asked(caller) for _ in range(5)]
        assert all(answer == answers[0] for answer in answers)

    def test_behind_a_worker_that_does_not_wait_it_is_handed_over(self):
        """The negative control."""
        worker = f"{asked_again.__name__}.HastyWatchedWorker"
        with gunicorn(worker, threads=2) as (port, _), closing(connected(port)) as caller:
            taken_up = [asked(caller)[-1] for _ in range(20)]
        assert taken_up[-1] > taken_up[0]

    def test_may_send_its_requests_before_it_reads_the_answers(self):
        with gunicorn(OURS, threads=1) as (port, _), calling(port, 3 * GET) as caller:
            read = b""
            while read.count(b"200 OK") < 3:
                read += caller.recv(65_536)

    def test_that_pauses_gives_the_thread_back(self):
        """One thread, and callers who stay: each is served in turn, however they pause."""
        with gunicorn(OURS, threads=1) as (port, _), ExitStack() as open_:
            callers = [open_.enter_context(closing(connected(port))) for _ in range(3)]
            for _ in range(3):
                assert len({asked(caller)[1] for caller in callers}) == 1

    def test_leaves_the_thread_to_one_who_waits_for_it(self):
        """Between two of its requests, though the thread would wait for a second."""
        with gunicorn(WATCHED, threads=1) as (port, _), ExitStack() as open_:
            first, other = (open_.enter_context(closing(connected(port))) for _ in range(2))
            other.connect()
            asked(first)
            other.request("GET", "/")  # it is in the queue when the second is over
            began = time.monotonic()
            while not is_answered(other):
                asked(first)
                assert time.monotonic() - began < 5 * WAIT
            assert other.getresponse().status == 200

    def test_is_told_when_the_server_stops(self):
        with gunicorn(WATCHED, threads=2) as (port, process), calling(port, GET) as caller:
            assert caller.recv(65_536).startswith(b"HTTP/1.1 200")
            process.terminate()  # while the thread waits for the next request
            caller.sendall(GET)
            response = HTTPResponse(caller)
            response.begin()
            assert response.status == 200
            response.read()
            assert caller.recv(1) == b""
            assert process.wait(10) == 0


def is_answered(caller: HTTPConnection) -> bool:
    return bool(select.select([caller.sock], [], [], 0)[0])


# Who comes to a process that has many callers


@pytest.mark.slow
def test_callers_who_stay_are_shared_by_the_processes():
    threads = 4
    with gunicorn(OURS, threads=threads, workers=2) as (port, _), ExitStack() as open_:
        wait_until(lambda: len({pid for pid, *_ in all_asked(port, 8)}) == 2, 30)
        callers = [open_.enter_context(closing(connected(port))) for _ in range(2 * threads)]
        for caller in callers:
            caller.connect()  # all at once, before anybody asks
        pids = [asked(caller)[0] for caller in callers]
        assert asked(callers[0])[0] == pids[0]
    assert {pids.count(pid) for pid in pids} <= set(range(2, 2 * threads - 1))
    assert len(set(pids)) == 2


def all_asked(port: int, number: int) -> list[list[int]]:
    """By callers who are there at the same time."""
    with ExitStack() as open_:
        callers = [open_.enter_context(closing(connected(port))) for _ in range(number)]
        for caller in callers:
            caller.connect()
        return [asked(caller) for caller in callers]


@pytest.mark.parametrize(
    ("callers", "workers", "is_left"), [(3, 2, False), (4, 2, True), (9, 2, True), (9, 1, False)]
)
def test_a_process_with_a_caller_for_each_thread_gives_others_a_moment(
    monkeypatch, callers, workers, is_left
):
    done = []
    monkeypatch.setattr("config.web_worker.time.sleep", done.append)
    monkeypatch.setattr(ThreadWorker, "accept", lambda _worker, listener: done.append(listener))
    worker = object.__new__(WebWorker)
    worker.nr_conns, worker.cfg = callers, SimpleNamespace(threads=4, workers=workers)
    worker.accept("the door")
    *moments, door = done
    assert door == "the door"
    assert [0 < moment < 0.1 for moment in moments] == [True] * is_left
