"""Exports by a real web server: connections that break, readers that are slow, memory."""

from __future__ import annotations

import json
import re
import socket
import time
from contextlib import ExitStack
from http.client import IncompleteRead
from types import SimpleNamespace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg
import pytest
import requests

from tests.bench.exports import EXPORTS, key, most_resident, opened, take
from tests.running import PROJECT, running_stockroom
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from http.client import HTTPConnection, HTTPResponse

    from tests.running import RunningServer

pytestmark = pytest.mark.slow

MOVEMENTS = 100_000
PLACES = 2
NOT_ALL = 2**20
GROWTH = 32  # MB; all movements as text are more than that, as rows of Python far more
FORMS = ("application/x-ndjson", "text/csv")
AT_ONCE = 1.0  # seconds, on a slow machine too
MOVED = f"{EXPORTS}/stock-movements"
END_SESSIONS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend'
    AND pid <> pg_backend_pid()
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[RunningServer]:
    """One process, with a ledger that no buffer holds."""
    folder = tmp_path_factory.mktemp("exports")
    with running_stockroom(folder, WEB_CONCURRENCY="1", WEB_THREADS=str(4 * PLACES)) as server:
        server.manage("seed_demo", "--products", "20000", "--movements", str(MOVEMENTS))
        yield server


@pytest.fixture(scope="module", autouse=True)
def at_first(server) -> float:
    """The most memory, in MB, that the server needed to send nothing."""
    for form in FORMS:
        take(server, "products?filter[sku]=NONE", form)
    return most_resident(server)


@pytest.fixture(autouse=True)
def places(server) -> None:
    """All of them, though the test before may have left without waiting for the server."""
    wait_until(lambda: nobody_exports(server), 5)


def nobody_exports(server) -> bool:
    """Whether every export that began has ended, by the log. To ask for one would take a place."""
    lines = [json.loads(line) for line in server.log.read_text().splitlines() if line[:1] == "{"]
    began = {"event": "request", "method": "GET", "status": 200}.items()
    exports = [line for line in lines if line.get("route", "").startswith(EXPORTS)]
    ended = sum(line["event"] == "export" for line in lines)
    return sum(line.items() >= began for line in exports) == ended


@pytest.fixture
def at_end() -> Iterator[ExitStack]:
    with ExitStack() as at_end:
        yield at_end


def begun(server, at_end, path=MOVED) -> tuple[HTTPConnection, HTTPResponse]:
    """An export of which nothing but the headers has been taken."""
    connection = opened(server)
    at_end.callback(connection.close)
    connection.request("GET", path, headers=key(server))
    answer = at_end.enter_context(connection.getresponse())
    return connection, answer


def ids_in(body: bytes) -> list[str]:
    """Of the lines that are whole."""
    return [json.loads(line)["id"] for line in body.split(b"\n")[:-1]]


def rest_after(server, at_end, last: str) -> list[str]:
    _, answer = begun(server, at_end, f"{MOVED}?page[after]={last}")
    return ids_in(answer.read())


def end_sessions(server) -> None:
    with psycopg.connect(server.environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(END_SESSIONS)


def test_a_cut_is_seen_and_the_rest_follows_behind_the_last_whole_line(server, at_end):
    _, answer = begun(server, at_end)
    body = answer.read(NOT_ALL)
    end_sessions(server)
    with pytest.raises(IncompleteRead) as cut:
        answer.read()
    came = ids_in(body + cut.value.partial)
    assert 0 < len(came) < MOVEMENTS
    ids = came + rest_after(server, at_end, came[-1])
    assert len(ids) == len(set(ids)) == MOVEMENTS
    assert rest_after(server, at_end, ids[-1]) == []  # this proves that it is all
    assert "Traceback" not in server.log.read_text()


def test_the_client_in_the_documentation_gets_everything_once(server, at_end):
    """Though others have all places at first, and the connection breaks twice."""
    others, waited = ExitStack(), []
    for _ in range(PLACES):
        assert begun(server, others)[1].status == 200

    def wait(seconds):
        waited.append(seconds)
        others.close()
        wait_until(lambda: nobody_exports(server), 5)

    page = (PROJECT / "docs" / "api.md").read_text()
    (example,) = re.findall(r"```python\n(def everything.*?)```", page, re.DOTALL)
    session = at_end.enter_context(requests.Session())
    session.headers.update(key(server))
    clock = SimpleNamespace(sleep=wait)
    names = {"json": json, "requests": requests, "time": clock, "session": session}
    names["url"] = f"{server.base_url}/api/v1"
    exec(example, names)  # noqa: S102 - ours
    ids = []
    for row in names["everything"]("stock-movements"):
        ids.append(row["id"])
        if len(ids) in {MOVEMENTS // 10, MOVEMENTS // 5}:
            end_sessions(server)
    assert len(ids) == len(set(ids)) == MOVEMENTS
    assert waited[0] == 5  # as it was told
    assert len(waited) >= 3


def test_readers_who_take_nothing_leave_threads_for_others(server, at_end):
    for _ in range(PLACES):
        assert begun(server, at_end)[1].status == 200
    _, refused = begun(server, at_end)
    assert (refused.status, refused.headers["Retry-After"]) == (429, "5")
    for _ in range(4 * PLACES):
        start = time.monotonic()
        connection = opened(server)
        at_end.callback(connection.close)
        connection.request("GET", "/api/v1/products", headers=key(server))
        assert at_end.enter_context(connection.getresponse()).status == 200
        assert time.monotonic() - start < AT_ONCE


def test_who_leaves_makes_room_at_once(server, at_end):
    leaving = [begun(server, at_end)[0] for _ in range(PLACES)]
    for connection in leaving:
        connection.sock.shutdown(socket.SHUT_RDWR)
        connection.close()
    wait_until(lambda: all_are_given(server), 5)


def all_are_given(server) -> bool:
    """Whether nobody exports anything."""
    with ExitStack() as at_end:
        return all(begun(server, at_end)[1].status == 200 for _ in range(PLACES))


@pytest.mark.parametrize("form", FORMS)
def test_memory_does_not_grow_with_the_rows(server, at_first, form):
    taken = take(server, "stock-movements", form)
    assert taken.lines >= MOVEMENTS
    assert taken.size > 20 * 2**20
    assert most_resident(server) - at_first < GROWTH


def test_http_1_0_gets_the_same_and_the_end_of_the_connection(server):
    with socket.create_connection(urlsplit(server.base_url).netloc.split(":")) as caller:
        request = f"GET {EXPORTS}/products HTTP/1.0\r\nX-API-Key: {server.api_key}\r\n\r\n"
        caller.sendall(request.encode())
        head, _, body = b"".join(iter(lambda: caller.recv(2**16), b"")).partition(b"\r\n\r\n")
    assert b"Transfer-Encoding" not in head
    assert len(ids_in(body)) == take(server, "products", "application/x-ndjson").lines


def test_head_has_no_body(server, at_end):
    connection = opened(server)
    at_end.callback(connection.close)
    for _ in range(2):  # on the same connection
        connection.request("HEAD", MOVED, headers=key(server))
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"")


@pytest.fixture(scope="module")
def hasty_server(tmp_path_factory) -> Iterator[RunningServer]:
    """It is here after a second as it is elsewhere after a minute."""
    application = "tests.common.api.hasty_exports"
    folder = tmp_path_factory.mktemp("hasty")
    with running_stockroom(folder, application=application, WEB_CONCURRENCY="1") as server:
        server.manage("seed_demo", "--products", "2000", "--movements", str(MOVEMENTS // 2))
        yield server


def test_who_takes_piece_after_piece_may_go_on(hasty_server, at_end):
    _, answer = begun(hasty_server, at_end)
    began, body = time.monotonic(), b""
    while piece := answer.read(NOT_ALL):
        body += piece
        time.sleep(0.2)
    assert time.monotonic() - began > 3
    assert len(ids_in(body)) == MOVEMENTS // 2


def test_who_stops_taking_is_cut_off(hasty_server, at_end):
    _, answer = begun(hasty_server, at_end)
    wait_until(lambda: is_told(hasty_server, is_complete=False), 10)
    with pytest.raises(IncompleteRead):
        answer.read()


def is_told(server, *, is_complete: bool) -> int:
    """How many exports ended like this, by the log."""
    return server.log.read_text().count(f'"is_complete":{str(is_complete).lower()}')
