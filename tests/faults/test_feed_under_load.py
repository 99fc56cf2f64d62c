"""64 clients write over HTTP while others follow the feed: all is told, and nothing twice."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.faults.traffic import Caller, stocked_product
from tests.relaying import running_relay
from tests.running import running_stockroom
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.running import RunningServer

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("broker faults")]

WRITERS = 64
CHANGES = 10
PRODUCTS = 8
READERS = 3


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("feed_under_load")
    with running_stockroom(folder, LOG_LEVEL="WARNING") as server:
        yield server


def write(server: RunningServer, writer: int, product: str) -> list[str]:
    """Changes of one client, one after the other; a refusal to wait any longer is taken again."""
    references = [f"{product}-{writer}-{number}" for number in range(CHANGES)]
    with closing(Caller(server)) as caller:
        for reference in references:
            body, status = {"quantity_delta": -1, "reference": reference}, 503
            while status == 503:
                status, _ = caller.ask(
                    "PATCH", f"/api/v1/inventory/{product}", body, **{"Idempotency-Key": reference}
                )
            assert status == 200
    return references


class Follower:
    """Follows the feed from its beginning by ``links.next`` alone."""

    def __init__(self, server: RunningServer) -> None:
        self._server = server
        self._next = f"{server.base_url}/api/v1/events?page[after]=&page[size]=100"
        self.seen: list[dict[str, Any]] = []

    def follow(self, stop: threading.Event) -> None:
        """Until told to stop, and then to the end."""
        with closing(HTTPConnection(urlsplit(self._server.base_url).netloc, timeout=30)) as here:
            is_last = False
            while not is_last:
                is_last = stop.is_set()
                while self._page(here):
                    pass

    def _page(self, here: HTTPConnection) -> int:
        address = self._next.replace(self._server.base_url, "").replace("[", "%5B")
        here.request("GET", address.replace("]", "%5D"), headers=self._headers)
        answer = here.getresponse()
        document = json.loads(answer.read())
        if answer.status == 503:
            return 1
        assert answer.status == 200, document
        self.seen += document["data"]
        self._next = document["links"]["next"]
        return len(document["data"])

    @property
    def _headers(self) -> dict[str, str]:
        return {"X-API-Key": self._server.api_key}


@pytest.mark.parametrize("with_relay", [False, True], ids=["readers alone", "with a relay"])
def test_every_follower_is_told_every_change_once_in_one_order(
    server, with_relay: bool, tmp_path: Path
):
    products = [stocked_product(server) for _ in range(PRODUCTS)]
    followers = [Follower(server) for _ in range(READERS)]
    stop = threading.Event()
    with ThreadPoolExecutor(WRITERS + READERS) as threads:
        reading = [threads.submit(one.follow, stop) for one in followers]
        writing = [
            threads.submit(write, server, writer, products[writer % PRODUCTS])
            for writer in range(WRITERS)
        ]
        try:
            if with_relay:
                log = tmp_path / "relay.log"
                with running_relay({**server.environment, "LOG_LEVEL": "INFO"}, log):
                    accepted = [reference for one in writing for reference in one.result()]
                    wait_until(lambda: "relay_started" in log.read_text(), 60)
            else:
                accepted = [reference for one in writing for reference in one.result()]
        finally:
            stop.set()
        for done in reading:
            done.result()
    assert len(accepted) == WRITERS * CHANGES
    for follower in followers:
        check(follower.seen, products, accepted)


def check(seen: list[dict[str, Any]], products: list[str], accepted: list[str]) -> None:
    attributes = [event["attributes"] for event in seen]
    sequences = [event["sequence"] for event in attributes]
    assert sequences == list(range(1, len(seen) + 1))
    stock = [event for event in attributes if event["event_type"] == "stock.changed"]
    told = [event["data"]["reference"] for event in stock if event["data"]["reference"]]
    ours = [reference for reference in told if reference[:36] in products]
    assert sorted(ours) == sorted(accepted)
    for product in products:
        figures = [event["data"] for event in stock if event["subject"]["id"] == product]
        assert [one["before"] for one in figures[1:]] == [one["after"] for one in figures[:-1]]
