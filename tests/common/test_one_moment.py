"""What is read of one moment, in a transaction that PostgreSQL lets write nothing."""

from __future__ import annotations

import pytest
from django.db import InternalError, connection, transaction

from common.database import one_moment
from inventory.models import Location
from tests.factories import LocationFactory
from tests.racing import race


def names() -> set[str]:
    return set(Location.objects.values_list("name", flat=True))


@pytest.mark.django_db(transaction=True)
def test_all_reads_are_of_one_moment_and_nothing_is_written():
    LocationFactory(name="before")
    with one_moment(), connection.cursor() as cursor:
        first = names()
        race(lambda _: Location.objects.update(name="after"), 1)
        assert names() == first
        cursor.execute("SELECT pg_current_xact_id_if_assigned()")
        assert cursor.fetchone() == (None,)
    assert names() == {"after"}
    LocationFactory(name="later")
    assert "later" in names()


@pytest.mark.django_db(transaction=True)
def test_outside_of_it_the_second_read_sees_what_was_written_meanwhile():
    """Negative control."""
    LocationFactory(name="before")
    with transaction.atomic():
        first = names()
        race(lambda _: Location.objects.update(name="after"), 1)
        assert names() != first


@pytest.mark.django_db
@pytest.mark.parametrize("act", [Location.objects.all().delete, LocationFactory])
def test_in_a_transaction_of_somebody_else_only_that_one_may_write(act):
    with pytest.raises(InternalError, match="read-only"), one_moment():
        act()
    with pytest.raises(InternalError, match="read-only"), one_moment():
        list(Location.objects.all().locked())
    LocationFactory(name="later")
    assert "later" in names()
