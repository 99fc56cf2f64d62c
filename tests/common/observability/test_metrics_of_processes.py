"""Several web processes count together, whichever of them is asked, and whoever of them dies."""

from __future__ import annotations

import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from prometheus_client.multiprocess import MultiProcessCollector

from tests.metrics import scraped
from tests.running import running_stockroom
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

WORKERS = 3
COUNT = "http_request_duration_seconds_count"
ASKED = {"route": "/health", "method": "HEAD", "status": "200"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("figures")


@pytest.fixture(scope="module")
def server(tmp_path_factory, folder):
    """A web server with several processes, which share in a folder that we can look into."""
    (folder / "counter_4711.db").write_bytes(b"what a former run left")
    settings = {"WEB_CONCURRENCY": str(WORKERS), "PROMETHEUS_MULTIPROC_DIR": str(folder)}
    with running_stockroom(tmp_path_factory.mktemp("web"), **settings) as server:
        yield server


def workers(server):
    return psutil.Process(server.process.pid).children()


def ask(server, times):
    """So many requests, each on a connection of its own; all of them are answered."""
    address = urlsplit(server.base_url)

    def one(_number):
        with closing(HTTPConnection(address.netloc, timeout=30)) as connection:
            connection.request("HEAD", "/health")
            return connection.getresponse().status

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(one, range(times))) <= {200}


def counted(server):
    return scraped(server)(COUNT, **ASKED)


def shares(folder):
    """What each process has counted itself."""
    for file in folder.glob("histogram_*.db"):
        metrics = MultiProcessCollector.merge([str(file)])
        samples = [one for metric in metrics for one in metric.samples if one.labels == ASKED]
        yield sum(one.value for one in samples if one.name == COUNT)


def replaced(server, before):
    """Whether all processes are others than these, and all of them answer."""
    now = workers(server)
    return len(now) == WORKERS and not {one.pid for one in now} & before


def test_whoever_is_asked_tells_what_all_have_counted(server, folder):
    before = counted(server)
    ask(server, 60)
    assert {counted(server) for _ in range(12)} == {before + 60}
    assert max(shares(folder)) < before + 60  # or one process would have had them all


def test_a_process_that_is_killed_takes_no_count_with_it(server, folder):
    ask(server, 30)
    before, files = counted(server), len(list(folder.iterdir()))
    for victim in workers(server):
        victim.kill()
        wait_until(lambda gone=victim: not gone.is_running())
        wait_until(lambda: len(workers(server)) == WORKERS)
    assert counted(server) == before
    ask(server, 30)
    assert counted(server) == before + 30
    assert len(list(folder.iterdir())) <= files + 4  # one came before another had gone


def test_reloads_lose_nothing_and_pile_up_nothing(server, folder):
    before = counted(server)
    for _ in range(4):
        pids = {one.pid for one in workers(server)}
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda pids=pids: replaced(server, pids), timeout=40)
        ask(server, 10)
    assert counted(server) == before + 40
    seats = {file.stem for file in folder.glob("web-*.lock")}
    assert len(seats) <= 2 * WORKERS + 1


def test_what_a_killed_process_was_doing_is_in_progress_no_more(server):
    address = urlsplit(server.base_url)
    head = [
        "POST /api/v1/products HTTP/1.1",
        f"Host: {address.netloc}",
        f"X-API-Key: {server.api_key}",
        "Content-Type: application/json",
        "Content-Length: 9",
    ]
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall("\r\n".join([*head, "", "a part"]).encode())
        wait_until(lambda: scraped(server)("http_requests_in_progress") == 1)
        for victim in workers(server):
            victim.kill()
        wait_until(lambda: len(workers(server)) == WORKERS, timeout=20)
    wait_until(lambda: scraped(server)("http_requests_in_progress") == 0)


def test_threads_are_those_of_the_living(server):
    threads = int(server.environment.get("WEB_THREADS") or 8)
    wait_until(lambda: scraped(server)("web_threads") == WORKERS * threads)


def test_what_a_former_run_left_is_gone(folder):
    assert not (folder / "counter_4711.db").exists()
    assert list(folder.glob("counter_web-*.db"))


def test_a_folder_that_is_taken_away_harms_nobody(server, folder):
    """The last test: nothing is shared any more afterwards."""
    folder.rename(folder.with_name("taken away"))  # at once: to empty it races with who writes
    ask(server, 20)
    wait_until(lambda: scraped(server)("figures_up", source="database") == 1)  # or it was late
    assert "Traceback" not in Path(server.log).read_text()
