"""What is measured of ours alone, once: the key check, memory, staleness, ``verify_stock``."""

from __future__ import annotations

import json
import time
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any, Final

import psutil

from tests.bench.contenders import QUOTA, SCOPES
from tests.bench.machine import family
from tests.running import run_python

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.bench.contenders import Contender
    from tests.running import RunningServer

WRITES: Final = 25
LOOKS: Final = 8
MEGABYTE: Final = 2**20


def key_check(server: RunningServer, key: str) -> dict[str, float]:
    """Microseconds of a check that is remembered, and the queries of a first and a later one."""
    answers = run_python(["-m", "tests.bench.key_check", key], server.environment)
    found: dict[str, float] = json.loads(answers.splitlines()[-1])
    return found


def resident_megabytes(pid: int) -> float:
    """Of the largest web process; what it shares with its parent included."""
    workers = family(pid)[1:] or [psutil.Process(pid)]
    return max(process.memory_info().rss for process in workers) / MEGABYTE


def stale_answers(server: RunningServer, ours: Contender) -> tuple[int, int]:
    """Reads that followed an answered change on other connections and did not show it; of how many.

    Each change of a product's description is looked at by several connections, so that every
    process answers.
    """
    key = server.manage("create_api_key", "bench-writer", *_writer()).splitlines()[-1]
    path = f"/api/v1/products/{ours.products[0]}"
    writer = HTTPConnection("127.0.0.1", ours.port, timeout=30)
    readers = [HTTPConnection("127.0.0.1", ours.port, timeout=30) for _ in range(LOOKS)]
    stale = 0
    for number in range(WRITES):
        said = f"Described for the {number}th time, {time.time_ns()}."
        headers = {"X-API-Key": key, "Content-Type": "application/json"}
        _ask(writer, "PATCH", path, headers, {"description": said})
        for reader in readers:
            found = _ask(reader, "GET", path, {"X-API-Key": key})
            stale += found["data"]["attributes"]["description"] != said
    for connection in (writer, *readers):
        connection.close()
    return stale, WRITES * LOOKS


def _writer() -> list[str]:
    return ["--scope", *SCOPES, "products:write", "--quota", str(QUOTA)]


def _ask(
    connection: HTTPConnection, method: str, path: str, headers: Mapping[str, str], body: Any = None
) -> Any:
    content = None if body is None else json.dumps(body)
    connection.request(method, path, body=content, headers=dict(headers))
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status == 200, text
    return json.loads(text)
