"""Pieces of an export are read where lists are read."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from common.replica import reading
from tests.exporting import exported, small_pieces  # noqa: F401 - a fixture
from tests.factories import StockLevelFactory

pytestmark = [
    pytest.mark.django_db(transaction=True, databases="__all__"),
    pytest.mark.usefixtures("in_use", "small_pieces"),
]
ROWS, PIECES = 5, 3


@pytest.fixture
def client(client):
    """Known to the process, and with its past covered in Redis."""
    for _ in range(ROWS):
        StockLevelFactory(on_hand=5)
    for _ in range(2):
        assert client.get("/api/v1/products").status_code == 200
    return client


@pytest.mark.parametrize("kind", ["products", "stock-levels", "stock-movements"])
def test_all_of_it_comes_from_the_replica(client, replica, kind):
    with CaptureQueriesContext(connection) as primary, CaptureQueriesContext(replica) as there:
        assert len(exported(client, kind)) == ROWS
    assert len(primary) == 0
    assert len(there) >= 2 * PIECES  # has it come so far, and the rows


def test_what_the_replica_refuses_in_the_middle_the_primary_gives(client, replica, monkeypatch):
    whole = exported(client, "products")
    asked = []
    has_it_come = reading._check_that_it_has_come

    def twice(position):
        asked.append(position)
        if len(asked) > 1:
            replica.cursor().execute("SELECT 1/0")
        has_it_come(position)

    monkeypatch.setattr(reading, "_check_that_it_has_come", twice)
    with CaptureQueriesContext(connection) as primary:
        assert exported(client, "products") == whole
    assert len(asked) == PIECES
    assert len(primary) == PIECES - 1
