"""What a database needs that has gone back in time."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.utils import timezone

from common import redis
from common.backups import restoring
from common.backups.restoring import ERA
from common.events.models import Event, Sequencer
from common.events.sequencing import number_events
from common.people.models import StaffSession
from inventory.models import StockLevel
from tests.factories import StockLevelFactory

pytestmark = pytest.mark.django_db


def after_restore() -> str:
    told = StringIO()
    call_command("after_restore", stdout=StringIO(), stderr=told)
    return told.getvalue()


def last_given() -> int:
    return Sequencer.objects.get().last


def test_numbers_that_others_have_seen_are_not_given_again():
    StockLevelFactory(on_hand=1)
    number_events()
    before = last_given()
    assert 0 < before < ERA
    assert "Every stock level agrees" in after_restore()
    StockLevelFactory(on_hand=1)
    number_events()
    assert Event.objects.order_by("sequence").last().sequence > ERA
    assert Event.objects.filter(sequence__gt=before, sequence__lte=ERA).count() == 0
    after_restore()
    assert last_given() == 2 * ERA


def test_staff_log_in_anew():
    StaffSession.objects.create(
        session_key="k" * 32, session_data="", expire_date=timezone.now() + timedelta(days=1)
    )
    after_restore()
    assert not StaffSession.objects.exists()


def test_what_is_cached_is_forgotten():
    epoch = redis.begin_epoch()
    after_restore()
    assert redis.begin_epoch() != epoch


def test_without_redis_it_says_so_and_what_is_elsewhere_is_forgotten_all_the_same(
    no_redis, monkeypatch
):
    forgotten = []
    monkeypatch.setattr(restoring, "elsewhere", [lambda: forgotten.append("documents")])
    with pytest.raises(CommandError, match="empty it"):
        after_restore()
    assert forgotten == ["documents"]


def test_where_what_is_elsewhere_cannot_be_forgotten_it_says_so(monkeypatch):
    def is_away():
        raise OperationalError("MongoDB: refused")

    monkeypatch.setattr(restoring, "elsewhere", [is_away])
    with pytest.raises(CommandError, match=r"MongoDB: refused.*after_restore"):
        after_restore()


def test_its_verdict_is_that_of_verify_stock():
    level = StockLevelFactory(on_hand=3)
    StockLevel.objects.filter(pk=level.pk).update(on_hand=4)
    with pytest.raises(CommandError, match="differ"):
        after_restore()
