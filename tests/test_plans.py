"""How PostgreSQL carries out the lists of the API and of the back office, where tables are large.

No request reads a large table from end to end, and none reads or sorts more rows than it may: so
its cost does not grow with the tables. The requests are those that ``make bench`` measures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from django.db import connection

from common.database import estimated
from inventory.models import StockLevel
from tests.bench.addresses import addresses, is_of_back_office
from tests.large_demo import large_demo
from tests.plans import Plan, plans_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.test import Client

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db,
    pytest.mark.xdist_group("large tables"),
    pytest.mark.usefixtures("large_tables"),
]

PRODUCTS: Final = 60_000
MOVEMENTS: Final = 120_000
MOST_COUNTED: Final = 70_000
"""A total is exact up to 10 000: an index entry for each, and what is joined to it. The back office
counts up to 1 000; where one product in ten is out, it looks at so many to find them."""
MOST_CANDIDATES: Final = 25_000
"""A search reads the newest 20 000 products at most, and ranks 1 000. What is to be ordered is
found among all that is low, and what changed lately is sorted by SKU."""
HAVE_CANDIDATES: Final = ("search", "admin, replenishment", "admin, stock levels changed since")
MOST_DAYS: Final = 50_000
"""Of the thousand levels that replenishment compares, what was sold on each of 28 days. That is one
query; the others of the page have the candidates alone."""
MOST_READ: Final = 3_000
"""Page 90 passes over 900 rows, and the back office's list of what is out over more in the order of
SKUs; any other list reads little more than it shows."""


@pytest.fixture(scope="module")
def large_tables(django_db_setup, django_db_blocker) -> Iterator[None]:
    with django_db_blocker.unblock(), large_demo(products=PRODUCTS, movements=MOVEMENTS):
        yield


def excesses(client: Client, browser: Client, name: str, address: str) -> list[str]:
    """What PostgreSQL does for a request and should not, as sentences."""
    asker = browser if is_of_back_office(address) else client
    assert asker.get(address).status_code == 200, name
    plans = plans_of(lambda: asker.get(address))
    return [sentence for plan in plans for sentence in _excesses(name, plan)]


def _excesses(name: str, plan: Plan) -> Iterator[str]:
    for table in plan.read_from_end_to_end:
        yield f"{name}: reads all of {table}: {plan.sql}"
    has_candidates = any(words in name for words in HAVE_CANDIDATES)
    most = MOST_CANDIDATES if has_candidates else MOST_READ
    if "inventory_stockday" in plan.sql:
        most = MOST_DAYS
    if plan.rows_read > (MOST_COUNTED if plan.is_count else most):
        yield f"{name}: reads {plan.rows_read} rows: {plan.sql}"
    if plan.rows_sorted > most:
        yield f"{name}: sorts {plan.rows_sorted} rows: {plan.sql}"


def excesses_with_another_sample(*request: Any) -> list[str]:
    """The statistics are of a sample of the rows: an unlucky one is no fault of the request."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return excesses(*request)


def test_no_request_costs_more_where_tables_are_large(client, admin_client):
    found = [
        sentence
        for name, address in addresses().items()
        if excesses(client, admin_client, name, address)
        for sentence in excesses_with_another_sample(client, admin_client, name, address)
    ]
    assert found == [], "\n".join(found)


@pytest.mark.parametrize(
    ("index", "name"),
    [
        ("product_by_name", "products sorted by name"),
        ("product_by_price", "products sorted by -price"),
        ("product_by_creation", "products sorted by created_at"),
        ("product_by_update", "products sorted by updated_at"),
        ("product_in_category_by_sku", "admin, products of the largest category"),
        ("product_in_category_by_price", "a category sorted by price"),
        ("product_not_active", "draft products"),
        ("product_barcode_unique", "products by barcode"),
        ("product_search", "search, rare word"),
        ("stock_level_available", "stock levels sorted by available"),
        ("stock_level_on_hand", "stock levels sorted by -on_hand"),
        ("stock_level_by_update", "stock levels sorted by updated_at"),
        ("stock_level_is_low", "low stock levels"),
        ("stock_movement_of_product", "movements of a product"),
        ("stock_movement_reason", "movements for no such reason"),
        ("stock_movement_reference", "movements by reference"),
        ("stock_movement_by_time", "movements long ago"),
    ],
)
def test_without_its_index_the_request_is_found_out(client, admin_client, index, name):
    """Negative control: if this fails, the test above proves nothing."""
    address = addresses()[name]
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX {index}")
    assert excesses(client, admin_client, name, address)


def test_a_total_that_is_not_counted_is_close_all_the_same(client):
    """PostgreSQL knows how many stock levels are low, and counts them where they are few."""
    low = StockLevel.objects.listed().low()
    assert estimated(low) == pytest.approx(low.count(), rel=0.2)
    page = client.get("/api/v1/stock-levels", {"filter[low]": "true"}).json()["meta"]["page"]
    assert page["total"] == low.count()
    assert "total_is_estimate" not in page
