"""A count that another one takes the place of stays known, and so does who closed a sheet."""

from __future__ import annotations

import pytest

from common.observability.context import acting_as
from common.people.models import AuditEntry
from inventory.operations import Entry, add_to_count, close_sheet, record_counts
from tests.factories import CountSheetFactory, StockLevelFactory
from tests.inventory.counts import line_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def line():
    level = StockLevelFactory(product__sku="MUG", on_hand=12)
    return line_of(CountSheetFactory(name="Shelves"), level)


def told() -> list[tuple]:
    rows = AuditEntry.objects.filter(subject_type="inventory.countsheet").order_by("id")
    return [
        (row.actor, row.subject_text, change["field"], change["old"], change["new"])
        for row in rows
        for change in row.changes
    ]


def count(line, number, person):
    with acting_as(person):
        record_counts(sheet_id=line.sheet_id, entries=[Entry(line.pk, number)])


def test_who_overwrites_a_count_is_told_with_what_stood_there(line):
    count(line, 10, "ana")
    count(line, 12, "ben")
    count(line, 11, "ben")
    count(line, None, "ana")
    assert told() == [
        ("ben", "Shelves", "MUG", 10, 12),
        ("ben", "Shelves", "MUG", 12, 11),
        ("ana", "Shelves", "MUG", 11, None),
    ]


def test_a_first_count_a_note_and_one_unit_more_overwrite_nothing(line):
    for _ in range(3):
        with acting_as("ana"):
            add_to_count(sheet_id=line.sheet_id, line_id=line.pk)
    assert told() == []


def test_a_sheet_that_is_closed_says_by_whom(line):
    with acting_as("ana"):
        close_sheet(sheet_id=line.sheet_id)
    assert told() == [("ana", "Shelves", "status", "open", "closed")]
