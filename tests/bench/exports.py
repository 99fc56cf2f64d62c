"""What a large export takes: time, processor, memory, and the patience of others.

``python -m tests.bench.exports --products 1000000 --movements 1000000``: one web process under
gunicorn sends everything that there is, as NDJSON and as CSV. Meanwhile somebody reads products,
which shows how long others wait.
"""

from __future__ import annotations

import argparse
import os
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import psutil

from tests.bench.scale import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.running import RunningServer

KINDS: Final = ("products", "stock-levels", "stock-movements")
FORMS: Final = ("application/x-ndjson", "text/csv")
EXPORTS: Final = "/api/v1/exports"
TAKEN: Final = 2**20
BETWEEN: Final = 0.01  # seconds between two requests of the one who reads meanwhile


@dataclass(slots=True)
class Taken:
    """What came, and what it took."""

    lines: int
    size: int
    seconds: float
    processor: float
    """Seconds of the web process; PostgreSQL's come on top."""


@dataclass(slots=True)
class Reader:
    """Somebody who reads a list of ten products again and again: how long each took, in ms."""

    server: RunningServer
    waited: list[float] = field(default_factory=list)

    @contextmanager
    def meanwhile(self) -> Iterator[None]:
        over = threading.Event()
        thread = threading.Thread(target=self._read, args=[over])
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _read(self, over: threading.Event) -> None:
        connection = opened(self.server)
        while not over.wait(BETWEEN):
            began = time.perf_counter()
            connection.request("GET", "/api/v1/products", headers=key(self.server))
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200, answer.status
            self.waited.append(1000 * (time.perf_counter() - began))
        connection.close()

    def p95(self) -> float:
        return quantiles(self.waited, n=20)[-1]


def opened(server: RunningServer) -> HTTPConnection:
    return HTTPConnection(urlsplit(server.base_url).netloc, timeout=60)


def key(server: RunningServer) -> dict[str, str]:
    return {"X-API-Key": server.api_key}


def take(server: RunningServer, kind: str, form: str) -> Taken:
    """An export, to its end."""
    process = web_process(server)
    connection, before = opened(server), process.cpu_times()
    began, lines, size = time.perf_counter(), 0, 0
    connection.request("GET", f"{EXPORTS}/{kind}", headers=key(server) | {"Accept": form})
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    while piece := answer.read(TAKEN):
        lines += piece.count(b"\n")
        size += len(piece)
    seconds, after = time.perf_counter() - began, process.cpu_times()
    connection.close()
    spent = after.user + after.system - before.user - before.system
    return Taken(lines, size, seconds, spent)


def web_process(server: RunningServer) -> psutil.Process:
    """The one process that answers."""
    (worker,) = psutil.Process(server.process.pid).children()
    return worker


def most_resident(server: RunningServer) -> float:
    """The most memory that the process has ever had, in MB."""
    status = Path(f"/proc/{web_process(server).pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--products", type=int, default=100_000, help="%(default)s")
    parser.add_argument("--movements", type=int, default=300_000, help="%(default)s")
    wanted = parser.parse_args()
    os.environ.setdefault("DATA_DIR", str(PROJECT / ".data" / "bench"))
    os.environ.setdefault("DEVELOPMENT", "1")
    from config.own_servers import own_servers
    from tests.running import running_stockroom

    with ExitStack() as at_end:
        at_end.enter_context(own_servers())
        folder = Path(at_end.enter_context(TemporaryDirectory()))
        server = at_end.enter_context(running_stockroom(folder, WEB_CONCURRENCY="1"))
        size = ["--products", str(wanted.products), "--movements", str(wanted.movements)]
        server.manage("seed_demo", *size)
        measure(server)


def measure(server: RunningServer) -> None:
    alone = Reader(server)
    with alone.meanwhile():
        time.sleep(5)
    print(f"A list of ten products: p95 {alone.p95():.1f} ms; {most_resident(server):.1f} MB\n")
    print("| export | lines | MB | s | lines/s | processor s | at most MB | others' p95 ms |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    for kind in KINDS:
        for form in FORMS:
            others = Reader(server)
            with others.meanwhile():
                taken = take(server, kind, form)
            print(
                f"| {kind}, {form} | {taken.lines:,} | {taken.size / 2**20:.0f} "
                f"| {taken.seconds:.1f} | {taken.lines / taken.seconds:,.0f} "
                f"| {taken.processor:.1f} | {most_resident(server):.1f} | {others.p95():.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
