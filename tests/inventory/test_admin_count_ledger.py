"""From a count sheet to the movements that it has written, and back."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inventory.models import CountSheet, StockLevel
from tests.back_office import page_of, staff, text_of
from tests.factories import CountSheetFactory, LocationFactory, StockLevelFactory
from tests.inventory.counts import applied, counted
from tests.inventory.promise_pages import held, ordered
from tests.inventory.stock_pages import MOVEMENTS, moved, skus

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

NAME = "November"


@pytest.fixture
def mug() -> StockLevel:
    return StockLevelFactory(product__sku="MUG", on_hand=12)


def written(*levels: StockLevel, name: str = NAME) -> CountSheet:
    """A sheet by which so many of each level were found, and set."""
    sheet = CountSheetFactory(name=name, location=levels[0].location)
    for level in levels:
        counted(sheet, level, 2)
    applied(sheet, *levels)
    return sheet


def in_the_ledger(client, sheet: CountSheet):
    """The page that the sheet leads to."""
    page = text_of(client.get(page_of(sheet)))
    (address,) = re.findall(r'href="([^"]*)"><span[^>]*>swap_vert<', page)
    return client.get(address)


def test_a_sheet_leads_to_what_it_has_written_and_to_nothing_else(admin_client, mug):
    pen = StockLevelFactory(product__sku="PEN", on_hand=5)
    far = StockLevelFactory(product__sku="FAR", location=LocationFactory(), on_hand=3)
    here, there = written(mug, pen), written(far)
    moved(mug, -1, reference=NAME)
    page = in_the_ledger(admin_client, here)
    assert sorted(skus(page)) == ["MUG", "PEN"]
    assert [row.reason for row in page.context["cl"].result_list] == ["count", "count"]
    assert skus(in_the_ledger(admin_client, there)) == ["FAR"]
    file = admin_client.get(f"{MOVEMENTS}export/?sheet={here.pk}")
    assert b"".join(file.streaming_content).count(b",count,") == 2


def test_who_may_not_see_the_ledger_is_not_led_there(mug):
    page = text_of(staff("view_countsheet").get(page_of(written(mug))))
    assert "swap_vert" not in page


def test_the_list_says_by_which_sheet_it_is_narrowed_down_to_who_may_see_sheets(admin_client, mug):
    query = f"{MOVEMENTS}?sheet={written(mug, name='Aisle 4').pk}"
    for client, title in ((admin_client, "Aisle 4"), (staff("view_stockmovement"), "–")):
        page = client.get(query)
        assert skus(page) == ["MUG"]
        specs = {spec.title: spec for spec in page.context["cl"].filter_specs}
        assert [label for _, label in specs["count sheet"].lookup_choices] == [title]
    page = admin_client.get(MOVEMENTS)
    assert "count sheet" not in {spec.title for spec in page.context["cl"].filter_specs}


@pytest.mark.parametrize(
    "given", [str(uuid4()), "nonsense", "9" * 5_000], ids=["unknown", "word", "endless"]
)
def test_a_sheet_that_is_none_has_written_nothing(admin_client, mug, given):
    written(mug)
    assert skus(admin_client.get(f"{MOVEMENTS}?sheet={given}")) == []


@pytest.mark.parametrize("query", ["", "created_at_from=2020-01-01&"])
def test_a_page_of_many_movements_takes_as_many_queries_as_one_of_few(admin_client, mug, query):
    few_lines = written(mug)
    many_lines = written(*(StockLevelFactory(on_hand=5) for _ in range(20)), name="Another")
    admin_client.get(f"{MOVEMENTS}?{query}sheet={few_lines.pk}")
    with CaptureQueriesContext(connection) as few:
        admin_client.get(f"{MOVEMENTS}?{query}sheet={few_lines.pk}")
    with CaptureQueriesContext(connection) as many:
        page = admin_client.get(f"{MOVEMENTS}?{query}sheet={many_lines.pk}")
    assert len(skus(page)) == 20
    assert len(many) == len(few)


def test_a_movement_leads_back_to_the_sheet_that_has_written_it(admin_client, mug):
    """Also where a batch and an order are called the same; other movements lead to those."""
    batch, _order = ordered(NAME, 5), held(NAME, 1)
    sheet = written(mug)
    moved(mug, 1, reference=NAME)
    page = admin_client.get(MOVEMENTS)
    assert [row.named for row in page.context["cl"].result_list] == [batch, sheet, None]
    assert f'href="{page_of(sheet)}"' in text_of(page)


def test_who_may_not_see_sheets_is_not_led_to_them(mug):
    sheet = written(mug)
    clerk = staff("view_stockmovement", "view_batch", "view_reservation")
    page = text_of(clerk.get(MOVEMENTS))
    assert NAME in page
    assert page_of(sheet) not in page
