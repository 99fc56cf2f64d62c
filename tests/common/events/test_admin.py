"""Events in the back office."""

from __future__ import annotations

import re
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from common.events.admin import SUBJECTS
from common.events.models import Event
from common.events.recording import Fact, record
from common.observability.context import acting_as
from tests.back_office import page_of, staff, text_of
from tests.factories import StockLevelFactory

pytestmark = pytest.mark.django_db

LIST = "/admin/events/event/"


@pytest.fixture
def mugs():
    """Five units of MUG were received by the shop, in the request ``opening-1``."""
    level = StockLevelFactory(product__sku="MUG")
    Event.objects.all().delete()
    data = {
        "sku": "MUG",
        "location": "main",
        "before": 0,
        "after": 5,
        "movement_id": str(uuid4()),
        "reason": "receipt",
        "reference": "<b>PO-1</b>",
    }
    with acting_as("the shop", "opening-1"):
        record([Fact("stock.changed", "inventory", level.product_id, data)])
    return level


def rows(page) -> int:
    return text_of(page).count('class="data-row')


def test_the_list_says_what_happened_to_what_and_who_did_it(admin_client, mugs):
    page = text_of(admin_client.get(LIST))
    for word in ("stock.changed", "inventory", str(mugs.product_id), "the shop", "opening-1"):
        assert word in page
    assert Event.objects.get().sequence == 1


def test_a_page_shows_every_figure_and_nothing_to_edit(admin_client, mugs):
    admin_client.get(LIST)
    page = text_of(admin_client.get(page_of(Event.objects.get())))
    assert "<tr><th>after</th><td>5</td></tr>" in page
    assert "<tr><th>reference</th><td>&lt;b&gt;PO-1&lt;/b&gt;</td></tr>" in page
    assert 'name="_save"' not in page


def test_what_is_inside_others_is_named_by_the_way_to_it(admin_client):
    price = {"before": "1.00", "after": None}
    record(
        [Fact("a.test", "products", uuid4(), {"changes": {"price": price}, "lines": [{"n": 1}]})]
    )
    admin_client.get(LIST)
    page = text_of(admin_client.get(page_of(Event.objects.get())))
    for figure in (
        "<th>changes.price.before</th><td>1.00</td>",
        "<th>changes.price.after</th><td>null</td>",
        "<th>lines.0.n</th><td>1</td>",
    ):
        assert figure in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", 3),
        ("?type__exact=stock.changed", 1),
        ("?type__exact=product.created", 0),
        ("?q={id}", 1),
        ("?q={ID}", 1),
        ("?q=opening-1", 1),
        ("?q=opening", 0),
    ],
)
def test_events_are_found_by_type_subject_and_request(admin_client, mugs, query, found):
    record([Fact("a.test", "products", uuid4()) for _ in range(2)])
    own = str(mugs.product_id)
    address = LIST + query.format(id=own, ID=own.upper())
    assert rows(admin_client.get(address)) == found


def test_an_event_that_has_no_number_yet_gets_one_when_it_is_looked_at(admin_client, mugs):
    assert "stock.changed" in text_of(admin_client.get(page_of(Event.objects.get())))


def test_whatever_an_event_is_about_can_be_searched_for():
    """Types of subjects stand in the code, spelled as they are there."""
    root = Path(__file__).parents[3]
    found = set()
    for app in ("common", "inventory", "products"):
        for file in (root / app).rglob("*.py"):
            found |= set(re.findall(r'Fact\(\s*[^,]+,\s*"([a-z-]+)"', file.read_text()))
    assert found
    assert found <= set(SUBJECTS)


def test_a_list_takes_as_many_queries_for_one_event_as_for_many(admin_client):
    def queries():
        with CaptureQueriesContext(connection) as sent:
            admin_client.get(LIST)
        return len(sent)

    record([Fact("a.test", "products", uuid4())])
    admin_client.get(LIST)
    one = queries()
    record([Fact("a.test", "products", uuid4()) for _ in range(9)])
    admin_client.get(LIST)
    assert queries() == one


def test_an_empty_list_says_what_will_be_there(admin_client):
    assert "Every change of products, stock and orders" in text_of(admin_client.get(LIST))


def test_only_who_may_see_events_does(mugs):
    assert staff("view_event").get(LIST).status_code == 200
    assert staff("view_product", name="other").get(LIST).status_code == 403
