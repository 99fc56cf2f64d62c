"""Pieces of an export have a bounded size, whatever rows have."""

from __future__ import annotations

import pytest

from common.api.exports import walking
from tests.exporting import CSV, NDJSON, PRODUCTS
from tests.factories import ProductFactory

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

LARGE = 2**17


def test_pieces_grow_with_small_rows_and_shrink_with_large_ones():
    assert walking.fitting(100, sent=20_000) == 200
    assert walking.fitting(2_000, sent=2**19) == 2_000
    assert walking.fitting(2_000, sent=2**22) == 250
    assert walking.fitting(100, sent=2**27) == walking.FEWEST_ROWS
    assert walking.fitting(100, sent=0) == 200


@pytest.fixture
def rows_that_turn_large(monkeypatch):
    """A piece of small rows, so that the next may have twice as many; and these are large."""
    monkeypatch.setattr(walking, "FIRST_ROWS", walking.FEWEST_ROWS)
    small = [ProductFactory() for _ in range(walking.FEWEST_ROWS)]
    large = [ProductFactory(description="x" * LARGE) for _ in range(20)]
    pictures = [f"https://example.com/{number}/{'x' * 2000}" for number in range(20)]
    return small + large + [ProductFactory(images=pictures) for _ in range(39)]


@pytest.mark.parametrize("form", [NDJSON, CSV])
def test_rows_that_turn_large_make_no_large_piece(client, rows_that_turn_large, form):
    response = client.get(PRODUCTS, headers={"Accept": form})
    pieces = list(response.streaming_content)
    assert max(map(len, pieces)) < walking.PIECE_BYTES + 1.1 * LARGE
    body = b"".join(pieces).decode()
    assert [body.count(str(product.pk)) for product in rows_that_turn_large] == [1] * 69
    assert body.count("\n") == 69 + (form == CSV)


@pytest.mark.usefixtures("rows_that_turn_large")
def test_long_columns_that_nobody_asked_for_do_not_count(client):
    response = client.get(PRODUCTS, {"fields[products]": "sku"})
    assert len(list(response.streaming_content)) == 3  # of 10, 20 and 39 rows


def test_a_row_larger_than_a_piece_is_one(client, monkeypatch):
    monkeypatch.setattr(walking, "PIECE_BYTES", 2**10)
    for _ in range(3):
        ProductFactory(description="x" * 2**11)
    response = client.get(PRODUCTS)
    assert [piece.count(b"\n") for piece in response.streaming_content] == [1, 1, 1, 0]
