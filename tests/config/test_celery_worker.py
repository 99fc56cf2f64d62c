"""A real worker on a real RabbitMQ: killed in the midst of a task, and in trouble."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg
import pytest
from kombu.connection import Connection

from config.background import MAIL, QUICK, SLOW
from tests.needs import broker_url  # noqa: F401 - a fixture
from tests.running import database_of_its_own, kill, own_environment, run_python, running_python
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("celery_worker")]

PATIENCE = 60.0
HOLDS = 3
WORKER = [
    *("-m", "celery", "--quiet", "--app=tests.config.held_up", "worker", "--loglevel=INFO"),
    *("--concurrency=2", "--without-gossip", "--without-mingle", "--without-heartbeat"),
]
OVERDUE_HOLDS = f"""
import sys
import django
django.setup()
from datetime import timedelta
from decimal import Decimal
from django.db.models.functions import Now
from inventory.models import Reservation
from inventory.operations import Wanted, open_inventory, reserve
from products.operations import create_product
mug = create_product(name="Mug", description="Blue.", price=Decimal(1), sku=sys.argv[1])
open_inventory(product_id=mug.pk, quantity=10)
for number in range({HOLDS}):
    order = f"{{sys.argv[1]}}-{{number}}"
    reserve(order_reference=order, lines=[Wanted(1, sku=sys.argv[1])])
mine = Reservation.objects.filter(order_reference__startswith=sys.argv[1])
mine.update(expires_at=Now() - timedelta(seconds=1))
"""
ALERT = """
import django
django.setup()
from decimal import Decimal
from django.contrib.auth.models import User
from common.notifications.models import Mode, Topic
from common.notifications.operations import subscribe
from inventory.operations import adjust_stock, open_inventory
from inventory.rules import Change
from products.operations import create_product
clerk = User.objects.create_superuser("clerk", "clerk@example.com")
subscribe(user_id=clerk.pk, modes={Topic.OUT: Mode.AT_ONCE})
jug = create_product(name="Jug", description="Green.", price=Decimal(1), sku="JUG")
open_inventory(product_id=jug.pk, quantity=1)
adjust_stock(changes=[Change(jug.pk, delta=-1)])
"""
SENT_IN_A_REQUEST = """
import sys
from common.observability.context import begin_request
from config.celery import app
begin_request("request-1")
print(app.send_task(sys.argv[1]).id)
"""


@pytest.fixture(scope="module")
def stockroom(tmp_path_factory, broker_url) -> Iterator[dict[str, str]]:  # noqa: F811
    """Settings of a Stockroom with tables of its own, whose web server does not run."""
    with database_of_its_own() as database:
        given = {"DATABASE_URL": database, "CELERY_BROKER_URL": broker_url, "LOG_LEVEL": "INFO"}
        settings = own_environment(tmp_path_factory.mktemp("celery"), given)
        settings["DJANGO_SETTINGS_MODULE"] = "config.settings"
        run_python(["-m", "config.prepare"], settings)
        yield settings


@pytest.fixture
def environment(stockroom, tmp_path) -> Iterator[dict[str, str]]:
    """The same, with empty queues and with holds that a worker is held up at."""
    yield stockroom | {"HELD_UP": str(tmp_path)}
    with Connection(stockroom["CELERY_BROKER_URL"]) as connection:
        for name in (QUICK, MAIL, SLOW):
            connection.default_channel.queue_delete(name)


def send(environment: dict[str, str], task: str) -> str:
    return run_python(["-c", SENT_IN_A_REQUEST, task], environment).strip()


def lines(log: Path) -> list[dict[str, Any]]:
    """What has been logged so far; not the plain words of a program that starts."""
    whole = log.read_text().rpartition("\n")[0].splitlines()
    return [json.loads(line) for line in whole if line.startswith("{")]


def logged(log: Path, event: str) -> list[dict[str, Any]]:
    return [line for line in lines(log) if line["event"] == event]


def ask(environment: dict[str, str], query: LiteralString, *values: str) -> list[Any]:
    with psycopg.connect(environment["DATABASE_URL"]) as connection:
        return [value for (value,) in connection.execute(query, values or None).fetchall()]


def ended(environment: dict[str, str], sku: str) -> list[Any]:
    of_sku = "SELECT id FROM inventory_reservation WHERE order_reference LIKE %s AND status = %s"
    return ask(environment, of_sku, f"{sku}-%", "expired")


def all_ended(environment: dict[str, str], sku: str) -> bool:
    return len(ended(environment, sku)) == HOLDS


def waiting(environment: dict[str, str]) -> int:
    """Messages that nobody has taken."""
    with Connection(environment["CELERY_BROKER_URL"]) as connection:
        return int(connection.default_channel.queue_declare(QUICK, passive=True).message_count)


def held_up_process(folder: Path) -> int:
    wait_until((folder / "pid").exists, PATIENCE)
    return int((folder / "pid").read_text())


def assert_everything_happened_once(environment: dict[str, str], sku: str) -> None:
    told = ask(environment, "SELECT subject_id FROM events_event WHERE type='reservation.expired'")
    holds = [str(hold) for hold in ended(environment, sku)]
    assert sorted(subject for subject in told if subject in holds) == sorted(holds)
    assert len(holds) == HOLDS
    assert set(ask(environment, "SELECT reserved FROM inventory_stocklevel")) == {0}
    run_python(["manage.py", "verify_stock"], environment)


def done(log: Path, task_id: str) -> bool:
    return any(
        line.get("task_id") == task_id and " succeeded in " in line["event"] for line in lines(log)
    )


def test_a_task_whose_process_is_killed_is_delivered_again(environment, tmp_path):
    log = tmp_path / "worker.log"
    run_python(["-c", OVERDUE_HOLDS, "MUG"], environment)
    with running_python(WORKER, environment, log):
        task_id = send(environment, "inventory.tasks.expire_reservations")
        child = held_up_process(tmp_path)
        assert not all_ended(environment, "MUG")
        os.kill(child, signal.SIGKILL)
        wait_until(lambda: all_ended(environment, "MUG"), PATIENCE)
        wait_until(lambda: done(log, task_id), PATIENCE)
    assert_everything_happened_once(environment, "MUG")


def test_a_task_whose_whole_worker_is_killed_is_delivered_to_the_next(environment, tmp_path):
    log = tmp_path / "worker.log"
    run_python(["-c", OVERDUE_HOLDS, "CUP"], environment)
    with running_python(WORKER, environment, log) as first:
        task_id = send(environment, "inventory.tasks.expire_reservations")
        held_up_process(tmp_path)
        kill(first)
    assert not all_ended(environment, "CUP")
    wait_until(lambda: waiting(environment) == 1, PATIENCE)
    with running_python(WORKER, environment, log):
        wait_until(lambda: all_ended(environment, "CUP"), PATIENCE)
        wait_until(lambda: done(log, task_id), PATIENCE)
    assert_everything_happened_once(environment, "CUP")


def test_a_task_that_is_acknowledged_at_its_start_is_lost_with_its_worker(environment, tmp_path):
    """Negative control of the two tests above."""
    run_python(["-c", OVERDUE_HOLDS, "PEN"], environment)
    hasty = environment | {"ACKNOWLEDGES_EARLY": "1"}
    with running_python(WORKER, hasty, tmp_path / "worker.log") as first:
        send(hasty, "inventory.tasks.expire_reservations")
        held_up_process(tmp_path)
        kill(first)
    assert waiting(environment) == 0
    assert not all_ended(environment, "PEN")


def test_a_task_in_trouble_is_tried_again_under_the_ids_of_who_sent_it(environment, tmp_path):
    log = tmp_path / "worker.log"
    with running_python(WORKER, environment, log):
        task_id = send(environment, "inventory.tasks.verify_ledger")
        wait_until(lambda: done(log, task_id), PATIENCE)
    assert len(list(tmp_path.glob("trouble-*"))) == 2
    of_the_task = [line for line in lines(log) if line.get("task_id")]
    assert {line["task_id"] for line in of_the_task} == {task_id}
    by_its_process = [line for line in of_the_task if not line["event"].endswith(" received")]
    assert {line.get("request_id") for line in by_its_process} == {"request-1"}
    assert len([line for line in by_its_process if " retry: " in line["event"]]) == 2
    (verified,) = logged(log, "ledger_verified")
    assert verified["differences"] == 0
    assert verified["actor"] == "celery:inventory.tasks.verify_ledger"


def test_a_mail_server_that_hangs_never_holds_up_the_quick_tasks(environment, tmp_path):
    log = tmp_path / "worker.log"
    run_python(["-c", ALERT], environment)
    mail, quick = (
        "common.notifications.tasks.mail_alerts",
        "common.inbox.tasks.sweep_inbox_messages",
    )
    with running_python(WORKER, environment, log):
        first = send(environment, mail)
        wait_until((tmp_path / "mailing").exists, PATIENCE)
        others = [send(environment, mail) for _ in range(3)]
        last = send(environment, quick)
        for task_id in [*others, last]:
            wait_until(lambda: done(log, task_id), PATIENCE)  # noqa: B023 - asked at once
        assert not done(log, first)
        (tmp_path / "go-on").touch()
        wait_until(lambda: done(log, first), PATIENCE)
    assert len(logged(log, "mail_sent")) == 1


def test_a_worker_that_is_asked_to_stop_finishes_what_it_has_begun(environment, tmp_path):
    log = tmp_path / "worker.log"
    run_python(["-c", ALERT.replace("JUG", "URN").replace("clerk", "buyer")], environment)
    with running_python(WORKER, environment, log) as worker:
        task_id = send(environment, "common.notifications.tasks.mail_alerts")
        wait_until((tmp_path / "mailing").exists, PATIENCE)
        worker.terminate()
        wait_until(lambda: "Warm shutdown" in log.read_text(), PATIENCE)
        assert worker.poll() is None
        (tmp_path / "go-on").touch()
        assert worker.wait(PATIENCE) == 0
    assert done(log, task_id)
    assert len(logged(log, "mail_sent")) == 1
    assert waiting(environment) == 0


def test_every_kind_of_work_has_a_quorum_queue_behind_one_topic_exchange(environment, tmp_path):
    log = tmp_path / "worker.log"
    with running_python(WORKER, environment, log):
        wait_until(lambda: any("ready" in line["event"] for line in lines(log)), PATIENCE)
        with Connection(environment["CELERY_BROKER_URL"]) as connection:
            channel = connection.default_channel
            for name in (QUICK, MAIL, SLOW):
                declared = channel.queue_declare(name, passive=True)
                assert declared.consumer_count == 1
            channel.exchange_declare(QUICK, "topic", passive=True)
