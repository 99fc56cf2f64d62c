"""RabbitMQ killed or out of memory, relays killed: nothing is lost, and the order is kept."""

from __future__ import annotations

import signal
from contextlib import closing
from typing import TYPE_CHECKING

import psutil
import pytest

from common.broker.connection import connected
from common.events.publishing import EXCHANGE
from tests.common.events.broker import Subscriber
from tests.faults.traffic import Caller, stocked_product
from tests.own_rabbitmq import OwnRabbitMQ, own_rabbitmq
from tests.relaying import running_relay
from tests.running import running_stockroom
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.running import RunningServer

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("broker faults")]

SALES = 60
CATCHES_UP_WITHIN = 60.0  # seconds: pauses between attempts grow to ten


@pytest.fixture(scope="module")
def broker(tmp_path_factory) -> Iterator[OwnRabbitMQ]:
    with own_rabbitmq(tmp_path_factory.mktemp("rabbitmq")) as broker:
        yield broker


@pytest.fixture(scope="module")
def server(tmp_path_factory, broker) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("broker_faults")
    settings = {"EVENTS_BROKER_URL": broker.url, "LOG_LEVEL": "WARNING"}
    with running_stockroom(folder, **settings) as server:
        yield server


class Consumer:
    """Remembers what was published, over every fault of the broker."""

    def __init__(self, broker: OwnRabbitMQ) -> None:
        self._broker = broker
        self.bodies: list[dict] = []
        with connected(broker.url) as connection:
            self.queue = Subscriber(connection, EXCHANGE).queue

    def sequences(self) -> list[int]:
        """Of every event, in the order in which it was first seen."""
        return list(dict.fromkeys(int(body["sequence"]) for body in self.bodies))

    def has(self, references: set[str]) -> bool:
        with connected(self._broker.url) as connection:
            self.bodies += Subscriber(connection, EXCHANGE, queue=self.queue).bodies()
        return references <= {body["data"].get("reference") for body in self.bodies}

    def ids(self) -> list[str]:
        return [body["id"] for body in self.bodies]


@pytest.fixture
def consumer(broker) -> Consumer:
    return Consumer(broker)


def sell(server: RunningServer, name: str) -> set[str]:
    """Some sales over HTTP, all of which must succeed; their references."""
    product = stocked_product(server)
    references = {f"{name}-{number}" for number in range(SALES)}
    with closing(Caller(server)) as caller:
        for reference in sorted(references):
            body = {"quantity_delta": -1, "reference": reference}
            status, _ = caller.ask("PATCH", f"/api/v1/inventory/{product}", body)
            assert status == 200
    return references


def assert_nothing_is_missing(consumer: Consumer) -> None:
    found = consumer.sequences()
    assert found == list(range(found[0], found[0] + len(found)))


def test_what_happens_while_the_broker_is_away_is_published_when_it_is_back(
    server, broker, consumer, tmp_path: Path
):
    with running_relay(server.environment, tmp_path / "relay.log"):
        before = sell(server, "before")
        wait_until(lambda: consumer.has(before), CATCHES_UP_WITHIN)
        broker.kill()
        meanwhile = sell(server, "meanwhile")
        broker.start()
        after = sell(server, "after")
        wait_until(lambda: consumer.has(meanwhile | after), CATCHES_UP_WITHIN)
    assert_nothing_is_missing(consumer)


def test_a_broker_short_of_memory_holds_up_nobody_and_loses_nothing(
    server, broker, consumer, tmp_path: Path
):
    log = tmp_path / "relay.log"
    with running_relay(server.environment, log):
        broker.starve()
        try:
            starved = sell(server, "starved")
            wait_until(lambda: "NotConfirmed" in log.read_text(), CATCHES_UP_WITHIN)
        finally:
            broker.feed()
        wait_until(lambda: consumer.has(starved), CATCHES_UP_WITHIN)
    assert_nothing_is_missing(consumer)


def ports_of(pid: int) -> set[int]:
    """The TCP ports that a process and its descendants are connected to."""
    first = psutil.Process(pid)
    found = [
        connection
        for process in (first, *first.children(recursive=True))
        for connection in process.net_connections()
    ]
    return {connection.raddr.port for connection in found if connection.raddr}


def test_a_web_process_never_talks_to_the_broker(server, broker, consumer, tmp_path: Path):
    """So it cannot be slowed down by it; the relay does."""
    with running_relay(server.environment, tmp_path / "relay.log") as relay:
        sold = sell(server, "quiet")
        wait_until(lambda: consumer.has(sold), CATCHES_UP_WITHIN)
        assert broker.port in ports_of(relay.pid)
        assert broker.port not in ports_of(server.process.pid)


def test_a_relay_killed_between_publishing_and_marking_publishes_again(
    server, consumer, tmp_path: Path
):
    sold = sell(server, "killed")
    log = tmp_path / "relay.log"
    with running_relay(server.environment, log, "-m", "tests.faults.relay_killed") as relay:
        assert relay.wait(CATCHES_UP_WITHIN) == -signal.SIGKILL
    assert consumer.has(sold)
    first = consumer.ids()
    with running_relay(server.environment, log):
        wait_until(lambda: consumer.has(sold) and len(consumer.ids()) >= 2 * len(first))
    assert consumer.ids()[len(first) :][: len(first)] == first  # the same ones, by the same ids
    assert_nothing_is_missing(consumer)


def test_of_two_relays_one_may_be_killed_at_any_time(server, consumer, tmp_path: Path):
    with (
        running_relay(server.environment, tmp_path / "one.log") as one,
        running_relay(server.environment, tmp_path / "other.log"),
    ):
        first = sell(server, "both")
        one.kill()
        second = sell(server, "other")
        wait_until(lambda: consumer.has(first | second), CATCHES_UP_WITHIN)
    assert_nothing_is_missing(consumer)
