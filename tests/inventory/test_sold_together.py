"""Those who buy the same product at once share a transaction, and nothing else."""

from __future__ import annotations

import json
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from django.db import IntegrityError, OperationalError, connection

from common import database
from common.database import database_now
from common.events.models import Event
from common.observability.context import acting_as
from inventory.errors import InsufficientStock
from inventory.models import Reservation, StockMovement
from inventory.operations import (
    adjust_stock,
    change_batch,
    create_batch,
    deltas,
    ledger,
    reserve,
)
from inventory.operations.lines import Wanted
from inventory.operations.statements import WRITE_MOVEMENTS
from inventory.rules import Change
from tests.api_client import JSON
from tests.common.observability.conftest import log_lines  # noqa: F401 - a fixture
from tests.factories import StockLevelFactory
from tests.inventory.promises import what_is_wrong
from tests.inventory.test_races import each_by_itself, held, the_ledger_is_whole
from tests.metrics import moving
from tests.racing import in_a_thread, waiting_for_a_lock
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from inventory.models import StockLevel

pytestmark = [pytest.mark.concurrency, pytest.mark.django_db(transaction=True)]

BUYERS = 6


@pytest.fixture(autouse=True)
def everybody_is_patient(monkeypatch):
    """However busy the machine is, nobody is refused before all are there."""
    monkeypatch.setattr("common.bulkhead.lock_queue.patience", 30)
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", patient_options())


def patient_options() -> dict[str, Any]:
    options = dict(connection.settings_dict["OPTIONS"])
    patience = "-c lock_timeout=30s -c statement_timeout=30s"
    return options | {"options": f"{options.get('options', '')} {patience}"}


def are_waiting(number: int) -> bool:
    """Behind the one in front."""
    return sum(len(queue.waiting) for queue in deltas.together._queues.values()) == number


@contextmanager
def behind_a_holder(level: StockLevel, *buyers: Callable[[], Any]) -> Iterator[list[Future[Any]]]:
    """The first one waits for the lock, the others for the first one, in their order.

    They are let go at the block's end, and are done after it.
    """
    with ThreadPoolExecutor(len(buyers)) as threads, held(level):
        asked = [threads.submit(in_a_thread, buyers[0])]
        wait_until(lambda: waiting_for_a_lock() == 1)
        for number, buy in enumerate(buyers[1:], start=1):
            asked.append(threads.submit(in_a_thread, buy))
            wait_until(partial(are_waiting, number))
        yield asked


def buyer(level: StockLevel, name: str, quantity: int = 1) -> Callable[[], Any]:
    def buy() -> Any:
        with acting_as(f"shop {name}", f"request-{name}"):
            change = Change(product_id=level.product_id, delta=-quantity)
            return adjust_stock(changes=[change])

    return buy


def transactions() -> list[int]:
    """Of the sales, in the ledger's order."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT xmin::text::bigint FROM inventory_stockmovement WHERE delta < 0"
            " ORDER BY sequence"
        )
        return [number for (number,) in cursor.fetchall()]


def outcomes(asked: list[Future[Any]]) -> list[Any]:
    return [one.exception() or one.result() for one in asked]


def sales() -> list[StockMovement]:
    return list(StockMovement.objects.filter(delta__lt=0).order_by("sequence"))


def test_they_share_a_transaction_and_each_has_its_own_movement_event_and_line(log_lines):  # noqa: F811
    level = StockLevelFactory(on_hand=100)
    Event.objects.all().delete()
    buyers = [buyer(level, str(number)) for number in range(BUYERS)]
    log_lines()
    with behind_a_holder(level, *buyers) as asked:
        pass
    first, *others = transactions()
    assert len(set(others)) == 1
    assert first not in others
    requests = [f"request-{number}" for number in range(BUYERS)]
    own = [(f"shop {number}", f"request-{number}") for number in range(BUYERS)]
    assert [(one.actor, one.request_id) for one in sales()] == own
    events = Event.objects.filter(type="stock.changed")
    told = {one.request_id: (one.actor, one.data["movement_id"]) for one in events}
    assert told == {one.request_id: (one.actor, str(one.pk)) for one in sales()}
    lines = [one for one in log_lines() if one["event"] == "stock.changed"]
    assert [one["request_id"] for one in lines] == requests
    assert [one["after"] for one in lines] == list(range(99, 99 - BUYERS, -1))
    answers = [found.stock_levels[0] for (found,) in outcomes(asked)]
    assert [one.on_hand for one in answers] == [one.on_hand_after for one in sales()]
    assert [one.version for one in answers] == [level.version + 1 + n for n in range(BUYERS)]
    assert the_ledger_is_whole(level)


def test_otherwise_everybody_has_a_transaction(monkeypatch):
    """The negative control."""
    each_by_itself(monkeypatch)
    level = StockLevelFactory(on_hand=100)
    with ThreadPoolExecutor(BUYERS) as threads, held(level):
        for number in range(BUYERS):
            threads.submit(in_a_thread, buyer(level, str(number)))
        wait_until(lambda: waiting_for_a_lock() == BUYERS)
    assert len(set(transactions())) == BUYERS


def test_through_the_api_each_gets_the_answer_to_its_own_request(client):
    level = StockLevelFactory(on_hand=100)

    def sell(number: int) -> Callable[[], Any]:
        body = json.dumps({"quantity_delta": -number})
        headers = {"X-Request-ID": f"request-{number}"}
        path = f"/api/v1/inventory/{level.product_id}"
        return lambda: client.patch(path, body, content_type=JSON, headers=headers)

    with behind_a_holder(level, *map(sell, range(1, BUYERS + 1))) as asked:
        pass
    assert len(set(transactions())) == 2
    for number, (answer, sale) in enumerate(zip(outcomes(asked), sales(), strict=True), start=1):
        assert answer.status_code == 200
        assert answer["X-Request-ID"] == sale.request_id == f"request-{number}"
        assert (sale.delta, sale.actor) == (-number, "tester")
        assert answer.json()["data"]["attributes"]["quantity"] == sale.on_hand_after
    assert the_ledger_is_whole(level)


def asked_and_available(refusal: InsufficientStock) -> tuple[int, int]:
    (shortage,) = refusal.shortages
    return shortage.meta["requested"], shortage.meta["available"]


class TestRefusals:
    def test_each_is_told_to_its_own_caller_and_counted_once(self):
        level = StockLevelFactory(on_hand=5)
        quantities = [1, 2, 9, 2, 1]
        buyers = [buyer(level, str(n), quantity) for n, quantity in enumerate(quantities)]
        with moving() as moved, behind_a_holder(level, *buyers) as asked:
            pass
        found = outcomes(asked)
        kinds = [type(one) for one in found]
        assert kinds == [list, list, InsufficientStock, list, InsufficientStock]
        _, _, sold_out, last, late = found
        assert asked_and_available(sold_out) == (9, 2)
        assert last[0].stock_levels[0].on_hand == 0
        assert asked_and_available(late) == (1, 0)
        assert moved("stock_refusals_total", code="insufficient_stock") == 2
        assert [one.request_id for one in sales()] == ["request-0", "request-1", "request-3"]
        assert the_ledger_is_whole(level)

    def test_what_is_done_anew_is_counted_once_too(self, monkeypatch):
        """Somebody else's wish broke the transaction that they shared."""
        level = StockLevelFactory(on_hand=5)
        broken = breaking(monkeypatch, lambda requests: "request-2" in requests)
        buyers = [buyer(level, str(n), quantity) for n, quantity in enumerate([1, 9, 1, 1])]
        with moving() as moved, behind_a_holder(level, *buyers) as asked:
            pass
        kinds = [type(one) for one in outcomes(asked)]
        assert kinds == [list, InsufficientStock, IntegrityError, list]
        assert len(broken) == 2  # together, and by itself
        assert moved("stock_refusals_total") == 1
        assert the_ledger_is_whole(level)

    def test_what_is_told_of_the_level_is_in_the_name_of_who_sold_the_last_one(self):
        level = StockLevelFactory(on_hand=3)
        with behind_a_holder(level, *(buyer(level, str(number)) for number in range(3))):
            pass
        (told,) = Event.objects.filter(type="stock.out")
        assert (told.actor, told.request_id) == ("shop 2", "request-2")


def breaking(monkeypatch, is_broken: Callable[[set[str]], bool]) -> list[set[str]]:
    """The database refuses transactions that write movements of such requests."""
    write, broken = database.write, []

    def write_or_break(statement: str, parameters: Any) -> None:
        if statement == WRITE_MOVEMENTS:
            requests = {row["request_id"] for row in json.loads(parameters[0])}
            if is_broken(requests):
                broken.append(requests)
                again = json.dumps(json.loads(parameters[0]) * 2)  # the ids are taken then
                write(statement, [again])
                return
        write(statement, parameters)

    monkeypatch.setattr(ledger, "write", write_or_break)
    return broken


def test_a_transaction_that_fails_leaves_nothing_behind(monkeypatch):
    level = StockLevelFactory(on_hand=100)
    before = Event.objects.count()
    broken = breaking(monkeypatch, bool)
    buyers = [buyer(level, str(number)) for number in range(3)]
    with behind_a_holder(level, *buyers) as asked:
        pass
    assert [type(one) for one in outcomes(asked)] == [IntegrityError] * 3
    assert [len(requests) for requests in broken] == [1, 2, 1, 1]
    assert sales() == []
    assert Event.objects.count() == before
    assert the_ledger_is_whole(level)
    assert level.on_hand == 100
    assert deltas.together._queues == {}


def test_a_connection_that_is_lost_is_lost_for_all_of_them(monkeypatch):
    level = StockLevelFactory(on_hand=100)
    write = database.write

    def write_or_break(statement: str, parameters: Any) -> None:
        if statement == WRITE_MOVEMENTS and len(json.loads(parameters[0])) > 1:
            write("SELECT pg_terminate_backend(pg_backend_pid())", [])
        write(statement, parameters)

    monkeypatch.setattr(ledger, "write", write_or_break)
    with behind_a_holder(level, *(buyer(level, str(number)) for number in range(3))) as asked:
        pass
    kinds = [type(one) for one in outcomes(asked)]
    assert kinds == [list, OperationalError, OperationalError]
    assert [one.request_id for one in sales()] == ["request-0"]
    assert the_ledger_is_whole(level)


class TestByItself:
    """What has more to say than a delta needs a transaction of its own."""

    @pytest.fixture
    def shared(self, monkeypatch):
        """The products that anybody asked for together with others."""
        asked, ask = [], deltas.together.ask

        def noted(product_id, change):
            asked.append(product_id)
            return ask(product_id, change)

        monkeypatch.setattr(deltas.together, "ask", noted)
        return asked

    @pytest.mark.parametrize(
        ("body", "headers", "is_shared"),
        [
            ({"quantity_delta": -1}, {}, True),
            ({"quantity_delta": -1}, {"Idempotency-Key": "order-1"}, True),
            ({"quantity_delta": -1}, {"If-Match": "*"}, True),
            ({"quantity": 4, "expected_quantity": 5}, {}, False),
        ],
    )
    def test_a_change_goes(self, client, shared, body, headers, is_shared):
        level = StockLevelFactory(on_hand=5)
        path = f"/api/v1/inventory/{level.product_id}"
        answer = client.patch(path, json.dumps(body), content_type=JSON, headers=headers)
        assert (answer.status_code, answer.json()["data"]["attributes"]["quantity"]) == (200, 4)
        assert shared == [level.product_id] * is_shared

    def test_several_changes_go(self, shared):
        level = StockLevelFactory(on_hand=5)
        one = Change(product_id=level.product_id, delta=-1)
        adjust_stock(changes=[one, one])
        assert shared == []


# Orders that wait for stock


@pytest.fixture
def waited_for():
    """One unit on the shelf, and an order that waits for five: its delivery was cancelled."""
    level = StockLevelFactory(product__sku="MUG", on_hand=1)
    batch = create_batch(reference="PO", quantity=5, sku="MUG", eta=date(2099, 12, 1))
    wanted = [Wanted(6, sku="MUG")]
    reserve(order_reference="1", lines=wanted, allow_incoming=True)
    change_batch(batch_id=batch.pk, changes={"status": "cancelled"})
    level.refresh_from_db()
    assert (level.on_hand, level.reserved) == (1, 1)
    return level


def test_who_brings_units_is_told_that_an_order_has_got_them(waited_for):
    (answer,) = buyer(waited_for, "supplier", -5)()
    waited_for.refresh_from_db()
    assert (answer.quantity, answer.reserved, answer.available) == (6, 6, 0)
    assert (answer.reserved, answer.version) == (waited_for.reserved, waited_for.version)
    assert what_is_wrong() == []


def test_units_that_an_order_waits_for_are_not_sold_to_the_next_one_who_comes(waited_for):
    buyers = [buyer(waited_for, "supplier", -2), buyer(waited_for, "other supplier", -3)]
    with behind_a_holder(waited_for, *buyers, buyer(waited_for, "late", 3)) as asked:
        pass
    first, second, late = outcomes(asked)
    assert [one[0].available for one in (first, second)] == [0, 0]
    assert isinstance(late, InsufficientStock)
    assert what_is_wrong() == []
    told = Event.objects.filter(type="allocation.changed").order_by("position")
    assert [one.request_id for one in told][-2:] == ["request-supplier", "request-other supplier"]


def test_what_is_refused_to_all_writes_nothing(waited_for):
    release = Reservation.objects.get()
    Reservation.objects.update(expires_at=database_now())  # it is overdue, and keeps one unit
    before = Event.objects.count()
    buyers = [buyer(waited_for, str(number), 9) for number in range(3)]
    with behind_a_holder(waited_for, *buyers) as asked:
        pass
    assert [type(one) for one in outcomes(asked)] == [InsufficientStock] * 3
    waited_for.refresh_from_db()
    assert (waited_for.reserved, Event.objects.count()) == (1, before)
    assert release.lines.get().allocations.count() == 1
