"""The load generator: clients that send the next request once they have the last answer.

One process with one loop over bare sockets, so that it costs the machine little and every
contender the same. ``python -m tests.bench.load`` reads a JSON description on its standard input
and writes what came of it to its standard output; ``send`` does both.
"""

from __future__ import annotations

import json
import re
import selectors
import socket
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PROJECT: Final = Path(__file__).resolve().parents[2]
UNIQUE: Final = b"~unique-number~"
"""In a request: stands for a number that no other request of the process has."""
PATIENCE: Final = 30.0
"""Seconds without any answer after which those that are still on their way are given up."""
LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
END_OF_HEAD: Final = b"\r\n\r\n"
PIECE: Final = 65_536


@dataclass(frozen=True, slots=True)
class Ask:
    """One request, and the only status that is right for it."""

    kind: str
    request: str
    expected: int


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of one load.

    ``rate`` is right answers a second until the last one, ``right`` their number by kind.
    ``wrong`` counts other statuses (0: the connection broke), with the first of those answers as
    ``example``. Seconds of each right answer are sorted, by kind.
    """

    rate: float
    right: dict[str, int]
    wrong: dict[str, int]
    example: str
    cpu_seconds: float
    seconds: dict[str, list[float]]

    @property
    def all_right(self) -> int:
        return sum(self.right.values())

    def percentile(self, kind: str, share: float) -> float:
        """Milliseconds within which this share of the answers of a kind came."""
        found = self.seconds[kind]
        return 1_000 * found[min(len(found) - 1, int(share * len(found)))]


def request(
    method: str,
    path: str,
    *,
    key: str,
    body: Mapping[str, Any] | None = None,
    headers: Sequence[str] = (),
) -> str:
    """The bytes of a request, as text."""
    content = "" if body is None else json.dumps(body, separators=(",", ":"))
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"X-API-Key: {key}", "Accept: */*"]
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, *headers, "", content])


def send(
    port: int, asks: Sequence[Ask], *, clients: int, seconds: float, least: int = 0
) -> Answered:
    """Have a process of its own send these requests in turn, from so many clients.

    For so many seconds, and longer where ``least`` requests have not been sent by then.
    """
    wanted = {
        "least": least,
        "port": port,
        "clients": clients,
        "seconds": seconds,
        "asks": [[ask.kind, ask.request, ask.expected] for ask in asks],
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.load"],
        cwd=PROJECT,
        input=json.dumps(wanted),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Answered(**json.loads(done.stdout))


@dataclass(slots=True)
class _Client:
    """One connection, the request that it waits for, and what has come of the answer."""

    connection: socket.socket
    ask: Ask
    sent_at: float
    got: bytes = b""


@dataclass(slots=True)
class _Load:
    """All clients of one load."""

    port: int
    asks: Iterator[tuple[Ask, bytes]]
    deadline: float
    least: int
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    waiting: int = 0
    sent: int = 0
    number: int = field(default_factory=lambda: time.time_ns() // 1_000 % 10**15)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    wrong: Counter[str] = field(default_factory=Counter)
    example: str = ""

    def run(self, clients: int) -> None:
        for _ in range(clients):
            self.connect()
        heard_at = time.perf_counter()
        while self.waiting and time.perf_counter() < heard_at + PATIENCE:
            for key, _ in self.selector.select(1.0):
                heard_at = time.perf_counter()
                self.read(key.data)
        if self.waiting:
            self.note_wrong("none", f"{self.waiting} answers never came".encode())

    def connect(self) -> None:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = _Client(connection, Ask("", "", 0), 0.0)
        self.selector.register(connection, selectors.EVENT_READ, client)
        self.waiting += 1
        self.send_next(client)

    def send_next(self, client: _Client) -> None:
        client.ask, content = next(self.asks)
        if UNIQUE in content:
            self.number += 1
            content = content.replace(UNIQUE, b"%015d" % self.number)
        self.sent += 1
        client.got = b""
        client.sent_at = time.perf_counter()
        client.connection.sendall(content)

    def read(self, client: _Client) -> None:
        try:
            data = client.connection.recv(PIECE)
        except OSError:
            data = b""
        if not data:
            self.lose(client)
            return
        client.got = client.got + data if client.got else data
        if _is_whole(client.got):
            self.take(client)

    def take(self, client: _Client) -> None:
        """A whole answer: note it, and send the next request while there is time."""
        now = time.perf_counter()
        status = client.got[9:12]
        if int(status) == client.ask.expected:
            self.seconds.setdefault(client.ask.kind, []).append(now - client.sent_at)
        else:
            self.note_wrong(status.decode(), client.got)
        if self.goes_on(now):
            self.send_next(client)
        else:
            self.leave(client)

    def goes_on(self, now: float) -> bool:
        return now < self.deadline or self.sent < self.least

    def lose(self, client: _Client) -> None:
        """The other end has hung up in the middle of a request."""
        self.note_wrong("0", client.got or b"the connection was closed")
        self.leave(client)
        if self.goes_on(time.perf_counter()):
            self.connect()

    def leave(self, client: _Client) -> None:
        self.selector.unregister(client.connection)
        client.connection.close()
        self.waiting -= 1

    def note_wrong(self, status: str, answer: bytes) -> None:
        self.wrong[status] += 1
        self.example = self.example or answer[:600].decode("utf-8", "replace")


def _is_whole(answer: bytes) -> bool:
    head = answer.find(END_OF_HEAD)
    if head < 0:
        return False
    length = LENGTH.search(answer, 0, head)
    if length is None:
        raise SystemExit(f"An answer does not say how long it is: {answer[:600]!r}")
    return len(answer) >= head + len(END_OF_HEAD) + int(length[1])


def main() -> None:
    wanted = json.load(sys.stdin)
    asks = [Ask(*ask) for ask in wanted["asks"]]
    ready = cycle([(ask, ask.request.encode()) for ask in asks])
    worked, began = time.process_time(), time.perf_counter()
    deadline = time.perf_counter() + wanted["seconds"]
    load = _Load(wanted["port"], ready, deadline, wanted["least"])
    load.run(wanted["clients"])
    right = sum(map(len, load.seconds.values()))
    answered = Answered(
        rate=right / (time.perf_counter() - began),
        right={kind: len(found) for kind, found in load.seconds.items()},
        wrong=dict(load.wrong),
        example=load.example,
        cpu_seconds=time.process_time() - worked,
        seconds={kind: sorted(found) for kind, found in load.seconds.items()},
    )
    json.dump(asdict(answered), sys.stdout)


if __name__ == "__main__":
    main()
