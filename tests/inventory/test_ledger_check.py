"""The nightly check of all stock, and what it tells."""

from __future__ import annotations

from uuid import uuid4

import pytest

import config.celery  # noqa: F401 - what runs a task says who causes it
from common.events.models import Event
from common.events.sequencing import number_events
from common.notifications.models import Mode, Notification, Topic
from common.notifications.operations import subscribe
from common.notifications.reading import read_alerts
from inventory.models import StockLevel
from inventory.tasks import MOST_TOLD, verify_ledger
from tests.common.notifications.conftest import staff_member
from tests.factories import StockLevelFactory

pytestmark = pytest.mark.django_db


def told() -> list[Event]:
    return list(Event.objects.filter(type="ledger.differed"))


def spoil(level: StockLevel) -> None:
    """Change a figure behind the ledger's back."""
    StockLevel.objects.filter(pk=level.pk).update(on_hand=9)


def test_a_clean_run_tells_nothing():
    StockLevelFactory(on_hand=5)
    assert verify_ledger() == 0
    assert told() == []


def test_what_differs_is_told_once_for_each_run_as_verify_stock_prints_it():
    level = StockLevelFactory(product__sku="MUG", on_hand=5)
    spoil(level)
    assert verify_ledger() == 1
    (event,) = told()
    assert event.subject_type == "ledger-checks"
    assert event.data == {
        "count": 1,
        "differences": [
            {
                "id": str(level.pk),
                "sku": "MUG",
                "location": "main",
                "figure": "on_hand",
                "expected": "5",
                "found": "9",
            }
        ],
    }
    assert event.actor == "celery:inventory.tasks.verify_ledger"
    verify_ledger()
    assert len(told()) == 2


def test_a_run_that_is_delivered_again_tells_nothing_more():
    spoil(StockLevelFactory(on_hand=5))
    run = str(uuid4())
    for _ in range(2):
        assert verify_ledger.apply(task_id=run).get() == 1
    (event,) = told()
    assert event.subject_id == run


def test_of_many_differences_the_first_are_told_and_all_are_counted():
    for _ in range(MOST_TOLD + 2):
        spoil(StockLevelFactory(on_hand=5))
    assert verify_ledger() == MOST_TOLD + 2
    (event,) = told()
    assert event.data["count"] == MOST_TOLD + 2
    assert len(event.data["differences"]) == MOST_TOLD


def test_a_difference_reaches_staff():
    user = staff_member("auditor", {})
    subscribe(user_id=user.pk, modes={Topic.LEDGER: Mode.AT_ONCE})
    spoil(StockLevelFactory(product__sku="MUG", on_hand=5))
    verify_ledger()
    number_events()
    read_alerts(limit=10)
    assert Notification.objects.get().sentence == (
        "1 figure of stock differs from what the ledger and the promises explain:"
        " MUG at main, on hand is 9 and should be 5."
    )
