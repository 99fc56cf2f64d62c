"""The projector as a process: it may be killed at any time, and another one goes on."""

from __future__ import annotations

import json
import os
import signal
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import pytest

from tests.metrics import Told
from tests.own_mongodb import with_another_database, with_mongodb
from tests.relaying import running_relay
from tests.running import running_stockroom
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.running import RunningServer

pytestmark = pytest.mark.slow

COMMAND = ("manage.py", "projector")
PATIENCE = 30.0


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stockroom")
    given = os.environ.get("MONGODB_URI")
    mongodb = with_mongodb(with_another_database(given)) if given else {}
    with running_stockroom(folder, WEB_CONCURRENCY="1", **mongodb) as server:
        yield server


def ask(
    server: RunningServer, path: str, body: dict[str, Any] | None = None, **headers: str
) -> Any:
    headers |= {"X-API-Key": server.api_key, "Content-Type": "application/json"}
    data = json.dumps(body).encode() if body else None
    request = Request(f"{server.base_url}/api/v1/{path}", data, headers)  # noqa: S310 - http
    with urlopen(request) as answer:  # noqa: S310 - likewise
        return json.load(answer)


def make(server: RunningServer, name: str) -> str:
    body = {"name": name, "description": "It is made in a test.", "price": "1.00"}
    return str(ask(server, "products", body)["data"]["id"])


def names(server: RunningServer) -> set[str]:
    return {one["attributes"]["name"] for one in ask(server, "catalogue?page[size]=100")["data"]}


def test_one_is_killed_and_another_one_goes_on(server: RunningServer, tmp_path: Path):
    with ExitStack() as running:
        make(server, "before")
        one = running.enter_context(
            running_relay(server.environment, tmp_path / "one.log", *COMMAND)
        )
        wait_until(lambda: names(server) == {"before"}, PATIENCE)
        running.enter_context(running_relay(server.environment, tmp_path / "other.log", *COMMAND))
        one.send_signal(signal.SIGKILL)
        made = {make(server, f"after {number}") for number in range(5)}
        wait_until(lambda: len(names(server)) == 1 + len(made), PATIENCE)


def test_a_reader_waits_for_what_it_has_written(server: RunningServer, tmp_path: Path):
    with running_relay(server.environment, tmp_path / "projector.log", *COMMAND):
        wait_until(
            lambda: "projector_started" in (tmp_path / "projector.log").read_text(), PATIENCE
        )
        product_id = make(server, "fresh")
        (event,) = ask(server, f"events?filter[subject]=products/{product_id}")["data"]
        sequence = event["attributes"]["sequence"]
        found = ask(
            server, f"catalogue?min_sequence={sequence}&filter[search]=fresh", Prefer="wait=5"
        )
    assert [one["id"] for one in found["data"]] == [product_id]
    assert found["meta"]["as_of"]["sequence"] >= sequence


def test_without_one_the_web_server_says_that_the_catalogue_is_late(
    server: RunningServer, tmp_path: Path
):
    make(server, "nobody shows it")

    def told() -> Told:
        with urlopen(f"{server.base_url}/metrics") as answer:  # noqa: S310 - likewise
            return Told(answer.read().decode())

    wait_until(lambda: told()("catalogue_events_behind") >= 1, PATIENCE)
    assert told()("catalogue_lag_seconds") > 0
    with urlopen(f"{server.base_url}/ready") as answer:  # noqa: S310  never 503 for it alone
        assert "catalogue" in json.load(answer)["checks"]
