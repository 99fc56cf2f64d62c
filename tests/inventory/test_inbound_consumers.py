"""Orders and batches by message, through RabbitMQ and real processes: none lost, none doubled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from django.core.management import call_command
from django.db import connection

from common.inbox import queues
from common.inbox.models import InboxMessage
from inventory.models import Batch
from inventory.operations import create_batch
from tests.common.inbox.broker import broker  # noqa: F401 - a fixture
from tests.common.inbox.messages import at, message
from tests.inventory.inbound import ORDER, PLACED, figures, mugs, statuses
from tests.inventory.promises import what_is_wrong
from tests.needs import broker_url  # noqa: F401 - a fixture
from tests.running import PROJECT
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

ANNOUNCED = {"reference": "PO-1", "sku": "MUG", "quantity": 40, "eta": "2026-12-01"}
FEWER = {"reference": "PO-1", "quantity": 12}
ONE = {**ORDER, "lines": [{"sku": "MUG", "quantity": 1}]}
START = 60.0


@pytest.fixture(autouse=True)
def promises_hold():
    yield
    assert not what_is_wrong()


@pytest.fixture
def consume(broker, tmp_path):  # noqa: F811
    """Begins a consumer in a process of its own, on the database and the broker of this test."""
    from config import environment
    from config.own_servers import own_database_url

    server = environment.url("DATABASE_URL") or own_database_url()
    database = urlsplit(server)._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    settings = os.environ | {"DATABASE_URL": database, "EVENTS_BROKER_URL": broker.url}

    @contextmanager
    def begin(moment="never"):
        with (tmp_path / "consume.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.inventory.consume_and_die", moment],
                cwd=PROJECT,
                env=settings,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    return begin


def handled():
    return InboxMessage.objects.count()


def test_each_type_is_applied(broker):  # noqa: F811
    level = mugs()
    other = {"order_reference": "ORDER-2"}
    story = [
        ("order.placed", PLACED, 0),
        ("payment.succeeded", ORDER, 1),
        ("shipment.sent", ORDER, 2),
        ("order.placed", {**PLACED, **other}, 0),
        ("payment.failed", other, 1),
        ("order.placed", {**PLACED, "order_reference": "ORDER-3"}, 0),
        ("order.cancelled", {"order_reference": "ORDER-3"}, 1),
        ("batch.announced", ANNOUNCED, 0),
        ("batch.quantity_changed", FEWER, 1),
    ]
    broker.send(*[message(kind, data, time=at(minutes)) for kind, data, minutes in story])
    with broker.consumers():
        wait_until(lambda: handled() == len(story))
    assert [statuses(f"ORDER-{number}") for number in (1, 2, 3)] == [
        *(["shipped"], ["released"], ["released"]),
    ]
    assert figures(level) == (8, 0)
    assert Batch.objects.get().quantity == 12
    assert not broker.dead()


def test_what_comes_in_the_wrong_order_ends_right(broker):  # noqa: F811
    level = mugs()
    story = [
        ("payment.succeeded", ORDER, 1),
        ("batch.quantity_changed", FEWER, 1),
        ("shipment.sent", {"order_reference": "ORDER-2"}, 2),
        ("order.placed", {**PLACED, "order_reference": "ORDER-2"}, 0),
        ("order.placed", PLACED, 0),
        ("batch.announced", ANNOUNCED, 0),
    ]
    broker.send(*[message(kind, data, time=at(minutes)) for kind, data, minutes in story])
    with broker.consumers(2):
        wait_until(lambda: handled() == len(story))
    assert (statuses(), statuses("ORDER-2"), figures(level)) == (["confirmed"], ["shipped"], (8, 2))
    assert Batch.objects.get().quantity == 12
    assert not broker.dead()


def test_an_order_that_was_short_is_reserved_when_it_is_replayed_after_the_receipt(
    broker,  # noqa: F811
    settings,
    capsys,
):
    settings.EVENTS_BROKER_URL = broker.url
    level = mugs(on_hand=1)
    broker.send(message("order.placed", PLACED, id="7"))
    with broker.consumers():
        wait_until(lambda: broker.count(queues.DEAD) == 1)
        call_command("dead_letters")
        assert capsys.readouterr().out.split("\t")[:4] == [
            *("7", "order.placed", "insufficient_stock"),
            "lines/0: 2 of MUG were asked for and 1 are available.",
        ]
        create_batch(reference="PO-1", quantity=5, sku="MUG")
        call_command("dead_letters", "--replay", "7")
        wait_until(handled)
    assert (statuses(), figures(level), broker.dead()) == (["active"], (6, 2), [])


@pytest.mark.parametrize("moment", ["before_commit", "after_commit"])
def test_a_consumer_that_is_killed_with_a_message_in_hand_has_shipped_it_once(
    consume,
    broker,  # noqa: F811
    moment,
):
    level = mugs()
    broker.send(message("order.placed", PLACED))
    with broker.consumers():
        wait_until(handled)
    broker.send(message("shipment.sent", ONE))
    with consume(moment) as killed:
        assert killed.wait(START) == -signal.SIGKILL
    assert figures(level) == ((10, 2) if moment == "before_commit" else (9, 1))
    with broker.consumers():
        broker.send(message("order.cancelled", ORDER, time=at(1)))
        wait_until(lambda: handled() == 3)
    assert (figures(level), broker.is_idle(), broker.dead()) == ((9, 0), True, [])


def test_the_command_applies_what_comes_and_leaves_when_it_is_told(consume, broker):  # noqa: F811
    mugs()
    with consume() as consumer:
        broker.send(message("order.placed", PLACED))
        wait_until(handled, START)
        broker.send(message("payment.succeeded", ORDER))
        wait_until(lambda: handled() == 2, START)
        consumer.terminate()
        assert consumer.wait(START) == 0
    assert statuses() == ["confirmed"]
