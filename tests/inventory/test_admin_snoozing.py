"""Levels that are put off: out of sight among what is to be ordered, until their day comes."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry

from common.errors import NotFound
from inventory.models import Replenishment
from inventory.operations import snooze
from tests.back_office import filled_in, text_of, told
from tests.inventory.promise_pages import in_days
from tests.inventory.replenishing import LIST, SNOOZE, low, opened
from tests.inventory.stock_pages import LEVELS, STOCK_FORM, skus

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


def snoozed_by(client, *levels, **entered):
    page = opened(client, "snooze", *levels)
    return client.post(SNOOZE, filled_in(page, STOCK_FORM, **entered), follow=True)


@pytest.mark.parametrize(
    ("entered", "days"),
    [
        ({"span": "7"}, 7),
        ({"span": "30"}, 30),
        ({"span": "day", "until": str(in_days(3))}, 3),
    ],
    ids=["7 days", "30 days", "a day"],
)
def test_what_is_snoozed_is_out_of_sight_until_its_day(admin_client, entered, days):
    mug = low("MUG")
    low("PEN")
    answer = snoozed_by(admin_client, mug, **entered)
    assert "MUG at Main: snoozed until" in told(answer)[0]
    mug.refresh_from_db()
    assert mug.snoozed_until == in_days(days)
    assert skus(admin_client.get(LIST)) == ["PEN"]
    assert skus(admin_client.get(f"{LIST}?snoozed=yes")) == ["MUG"]
    assert len(skus(admin_client.get(f"{LIST}?snoozed=all"))) == 2
    assert "Snoozed until" in text_of(admin_client.get(f"{LIST}?snoozed=yes"))
    assert skus(admin_client.get(f"{LEVELS}?stock=low")) == ["MUG", "PEN"]
    assert "snoozed until" in LogEntry.objects.get(object_id=str(mug.pk)).change_message


def test_it_wakes_up_by_itself(admin_client):
    low("MUG", snoozed_until=in_days(0))
    assert skus(admin_client.get(LIST)) == ["MUG"]
    assert skus(admin_client.get(f"{LIST}?snoozed=yes")) == []


def test_it_can_be_woken(admin_client):
    mug = low("MUG", snoozed_until=in_days(5))
    snoozed_by(admin_client, mug, span="wake")
    mug.refresh_from_db()
    assert mug.snoozed_until is None
    assert skus(admin_client.get(LIST)) == ["MUG"]


@pytest.mark.parametrize(
    ("entered", "sentence"),
    [
        ({"span": "day"}, "Choose the day."),
        ({"span": "day", "until": str(in_days(0))}, "Choose a day that is still to come."),
        ({}, "This field is required."),
    ],
    ids=["no day", "today", "nothing"],
)
def test_a_day_that_will_not_come_is_refused(admin_client, entered, sentence):
    mug = low("MUG")
    assert sentence in text_of(snoozed_by(admin_client, mug, **entered))
    mug.refresh_from_db()
    assert mug.snoozed_until is None


def test_snoozing_changes_nothing_that_clients_see(admin_client):
    mug = low("MUG")
    before = (mug.version, mug.updated_at)
    snooze(stock_level_ids=[mug.pk], until=in_days(1) + timedelta(days=1))
    mug.refresh_from_db()
    assert (mug.version, mug.updated_at) == before


def test_levels_that_are_gone_are_refused():
    mug = low("MUG")
    with pytest.raises(NotFound):
        snooze(stock_level_ids=[mug.pk, uuid4()], until=in_days(3))
    assert not Replenishment.objects.exclude(snoozed_until=None).exists()
