"""Who is told of which event, once."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import transaction

from common.database import database_now
from common.errors import NotFound
from common.events.models import Event, Reader
from common.events.reading import NOTIFICATIONS, locked_reader
from common.events.sequencing import number_events
from common.notifications import reading
from common.notifications.models import Mode, Notification, Subscription, Topic
from common.notifications.operations import subscribe
from common.notifications.reading import next_digest, read_alerts
from inventory import operations
from inventory.rules import Change
from tests.common.notifications.conftest import happen, read_everything, staff_member
from tests.common.observability.conftest import log_lines  # noqa: F401 - a fixture
from tests.factories import StockLevelFactory
from tests.inventory.promise_pages import in_days
from tests.racing import in_a_thread, race

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


@pytest.fixture
def one_of_each(clerk, out_of_stock) -> None:
    """An event of every topic, after the clerk has chosen to hear of all."""
    level = {"sku": "MUG", "location": "main", "available": 1, "on_hand": 1, "reorder_point": 2}
    found = {"id": str(uuid4()), "sku": "MUG", "location": "main", "figure": "on_hand"}
    slipped = {"before": {"eta": "2026-05-03"}, "after": {"eta": "2026-05-10"}}
    happen("stock.low", "inventory", level)
    out_of_stock("MUG")
    batch = {"reference": "PO-1", "product_id": str(uuid4()), "sku": "MUG"}
    happen("batch.changed", "batches", batch | slipped)
    gone = {"host": "shop.example", "reason": "Gone.", "failing_since": None}
    happen("endpoint.disabled", "webhook-endpoints", gone)
    wrong = [found | {"expected": "7", "found": "5"}]
    happen("ledger.differed", "ledger-checks", {"count": 1, "differences": wrong})


def told() -> list[tuple[str, str]]:
    rows = Notification.objects.select_related("user").order_by("user__username", "pk")
    return [(row.user.username, row.name) for row in rows]


def test_what_happens_to_stock_reaches_those_who_want_to_hear_of_it(clerk):
    staff_member("buyer", {Topic.SLIPPED: Mode.DAILY})
    level = StockLevelFactory(product__sku="MUG", on_hand=5)
    operations.set_reorder_settings(stock_level_id=level.pk, changes={"reorder_point": 2})
    batch = operations.create_batch(
        sku="MUG", reference="PO-1", quantity=10, location="main", eta=in_days(3)
    )
    operations.adjust_stock(changes=[Change(level.product_id, delta=-4)])
    operations.adjust_stock(changes=[Change(level.product_id, delta=-1)])
    operations.change_batch(batch_id=batch.pk, changes={"eta": in_days(5)})
    operations.change_batch(batch_id=batch.pk, changes={"eta": in_days(4)})
    number_events()
    read_everything()
    assert told() == [("buyer", "PO-1"), ("clerk", "MUG"), ("clerk", "MUG"), ("clerk", "PO-1")]
    low, out = Notification.objects.filter(user=clerk).exclude(topic="slipped").order_by("pk")
    assert (low.topic, out.topic) == (Topic.LOW, Topic.OUT)
    assert low.sentence == "MUG at main: 1 available, 1 on hand; the reorder point is 2."
    assert out.path == f"/admin/products/product/{level.product_id}/change/"


def test_an_event_is_noted_once_however_often_the_feed_is_read(clerk, out_of_stock):
    out_of_stock("MUG")
    read_everything()
    read_everything()
    assert told() == [("clerk", "MUG")]
    Reader.objects.update(sequence=0)
    with pytest.raises(Exception, match="notification_once_each"), transaction.atomic():
        read_everything()


def test_a_pass_that_fails_moves_nothing_and_the_next_one_notes_everything(
    clerk, out_of_stock, monkeypatch
):
    out_of_stock("MUG")
    with monkeypatch.context() as patch:
        patch.setattr(reading, "_notification", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            read_everything()
    assert told() == []
    read_everything()
    assert told() == [("clerk", "MUG")]


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_wherever_the_feed_is_cut_nothing_is_passed_over(clerk, out_of_stock, limit):
    for number in range(5):
        out_of_stock(f"SKU-{number}")
        happen("something.else", "things", {})
    passes = 0
    while read_alerts(limit=limit):
        passes += 1
        assert passes < 10
    assert [name for _, name in told()] == [f"SKU-{number}" for number in range(5)]
    assert Reader.objects.get().sequence == Event.objects.latest("sequence").sequence


def test_a_subscription_gets_nothing_that_occurred_before_it(out_of_stock):
    out_of_stock("BEFORE")
    clerk = staff_member("clerk", {Topic.OUT: Mode.AT_ONCE})
    out_of_stock("AFTER")
    read_everything()
    assert told() == [("clerk", "AFTER")]
    subscribe(user_id=clerk.pk, modes={Topic.OUT: None})
    out_of_stock("MEANWHILE")
    subscribe(user_id=clerk.pk, modes={Topic.OUT: Mode.DAILY})
    out_of_stock("AGAIN")
    read_everything()
    assert told() == [("clerk", "AGAIN")]


@pytest.mark.parametrize(
    "change",
    [{"is_active": False}, {"is_staff": False}, {"email": ""}],
    ids=["inactive", "no-staff", "no-address"],
)
def test_only_active_staff_with_an_address_are_told(clerk, out_of_stock, change):
    User.objects.filter(pk=clerk.pk).update(**change)
    out_of_stock()
    read_everything()
    assert told() == []


@pytest.mark.parametrize(
    ("seen", "names"),
    [
        ([], []),
        (["view_batch"], ["PO-1"]),
        (["view_webhookendpoint"], ["shop.example"]),
        (["view_stocklevel"], ["MUG", "MUG", "ledger"]),
        (["change_stocklevel", "view_product"], []),
    ],
    ids=["nothing", "batches", "webhooks", "levels", "others"],
)
@pytest.mark.parametrize("is_grouped", [False, True], ids=["own", "group"])
def test_nobody_is_told_of_what_they_may_not_see(clerk, one_of_each, seen, names, is_grouped):
    permissions = Permission.objects.filter(codename__in=seen)
    if is_grouped:
        clerk.groups.add(group := Group.objects.create(name="warehouse"))
        group.permissions.set(permissions)
    clerk.user_permissions.set([] if is_grouped else permissions)
    read_everything()
    assert [name for _, name in told()] == names


def test_superusers_may_see_everything(clerk, one_of_each):
    clerk.user_permissions.clear()
    User.objects.filter(pk=clerk.pk).update(is_superuser=True)
    read_everything()
    assert sorted(set(Notification.objects.values_list("topic", flat=True))) == sorted(Topic)


def test_an_event_that_cannot_be_read_keeps_no_other_from_being_told(
    clerk,
    out_of_stock,
    log_lines,  # noqa: F811
):
    out_of_stock("BEFORE")
    odd = out_of_stock("ODD")
    Event.objects.filter(subject_id=str(odd)).update(data={})
    out_of_stock("AFTER")
    read_everything()
    assert told() == [("clerk", "BEFORE"), ("clerk", "AFTER")]
    assert Reader.objects.get().sequence == Event.objects.latest("sequence").sequence
    (line,) = [line for line in log_lines() if line["event"] == "alert_unreadable"]
    assert line["event_id"] == str(Event.objects.get(subject_id=str(odd)).pk)
    assert "KeyError" in json.dumps(line)


def test_who_changes_the_mode_keeps_the_beginning(clerk):
    began = Subscription.objects.get(topic=Topic.OUT).created_at
    changed = subscribe(user_id=clerk.pk, modes={Topic.OUT: Mode.DAILY, Topic.LOW: Mode.AT_ONCE})
    assert changed == [Topic.OUT]
    subscription = Subscription.objects.get(topic=Topic.OUT)
    assert (subscription.mode, subscription.created_at) == (Mode.DAILY, began)


def test_what_was_not_mailed_yet_of_a_topic_that_goes_is_not_mailed(clerk, out_of_stock):
    out_of_stock()
    read_everything()
    subscribe(user_id=clerk.pk, modes={Topic.OUT: None})
    assert told() == []


def test_nobody_can_subscribe_who_is_nobody(db):
    with pytest.raises(NotFound):
        subscribe(user_id=0, modes={Topic.OUT: Mode.DAILY})


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-03-10T05:59", "2026-03-10T06:00"),
        ("2026-03-10T06:00", "2026-03-11T06:00"),
        ("2026-03-28T12:00", "2026-03-29T05:00"),
        ("2026-10-24T12:00", "2026-10-25T06:00"),
    ],
    ids=["just-before", "just-then", "summer-time-begins", "summer-time-ends"],
)
def test_the_digest_is_due_at_seven_where_the_warehouse_is(settings, now, due):
    settings.TIME_ZONE = "Europe/Vienna"
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert next_digest(moment) == datetime.fromisoformat(due).replace(tzinfo=UTC)


def test_what_is_told_daily_is_due_at_the_next_digest(out_of_stock):
    staff_member("buyer", {Topic.OUT: Mode.DAILY})
    out_of_stock()
    read_everything()
    due_at = Notification.objects.get().due_at
    assert timedelta(0) < due_at - database_now() <= timedelta(days=1)
    assert due_at == next_digest(database_now())


@pytest.mark.django_db(transaction=True)
def test_while_one_reads_the_others_have_nothing_to_do(clerk, out_of_stock):
    read_everything()
    out_of_stock()
    with transaction.atomic():
        assert locked_reader(NOTIFICATIONS) is not None
        assert race(lambda _: in_a_thread(read_alerts, limit=10), workers=1) == [0]
    assert read_alerts(limit=10) == 1


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_four_readers_note_every_event_once(clerk, out_of_stock):
    for number in range(20):
        out_of_stock(f"SKU-{number}")

    def read_all(_: int) -> None:
        for _attempt in range(50):
            read_alerts(limit=3)

    assert race(read_all, workers=4) == [None] * 4
    read_everything()
    assert sorted(name for _, name in told()) == sorted(f"SKU-{number}" for number in range(20))


def test_the_cost_of_a_pass_does_not_grow_with_the_events(
    clerk, out_of_stock, django_assert_num_queries
):
    for number in range(10):
        out_of_stock(f"SKU-{number}")
    locked_reader(NOTIFICATIONS)
    with django_assert_num_queries(7):  # reader, sequencer, events, clock, subscribers, 2 writes
        read_alerts(limit=100)
