"""When a delivery is tried again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from common.webhooks.schedule import asked_pause, pause_before

PAUSES = [0, 5, 300, 1_800]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(("attempt", "planned"), [(1, 5), (2, 300), (3, 1_800)])
def test_a_pause_is_that_of_the_schedule_give_or_take_a_tenth(attempt, planned):
    pauses = [pause_before(attempt, PAUSES, None) for _ in range(500)]
    assert all(planned * 0.9 <= pause <= planned * 1.1 for pause in pauses)
    assert len(set(pauses)) > 400


def test_no_pause_is_none_at_all():
    assert {pause_before(0, PAUSES, None) for _ in range(50)} == {0}


def test_after_the_schedule_there_is_no_attempt_any_more():
    assert pause_before(4, PAUSES, None) is None
    assert pause_before(4, PAUSES, 60) is None


def test_an_endpoint_may_ask_for_a_longer_pause_and_not_for_a_shorter_one():
    assert pause_before(1, PAUSES, 3_600) == 3_600
    assert pause_before(2, PAUSES, 1) >= 270


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("99999999", 86_400),
        ("9" * 40, 86_400),
        (format_datetime(NOW + timedelta(minutes=2), usegmt=True), 120),
        (format_datetime(NOW - timedelta(minutes=2), usegmt=True), 0),
        (format_datetime(NOW + timedelta(days=9), usegmt=True), 86_400),
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("²", None),
        ("Sun, 01 Mar 2026 12:00:00", None),
        ("Sun, 99 Mar 99999999999 12:00:00 GMT", None),
    ],
    ids=str,
)
def test_what_a_header_asks_for(header, seconds):
    asked = asked_pause(header, NOW)
    assert asked == seconds
    assert asked is None or isinstance(asked, float)  # one column holds them all
