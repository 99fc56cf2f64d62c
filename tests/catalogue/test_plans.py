"""How PostgreSQL carries out lists of the catalogue where there are many documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.large_demo import large_demo
from tests.plans import plans_of

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.of_postgresql,
    pytest.mark.slow,
    pytest.mark.django_db,
    pytest.mark.xdist_group("large tables"),
]

URL: Final = "/api/v1/catalogue"
PRODUCTS: Final = 30_000
FEW: Final = 500
"""A page and what is passed over on the way to it."""
MANY: Final = 25_000
"""An exact count stops at 10 000, found among twice as many; a search ranks 250 of so many."""
LISTS: Final = {
    "": FEW,
    "sort=price": FEW,
    "sort=-price": FEW,
    "sort=-available": FEW,
    "sort=name": FEW,
    "sort=-popularity": FEW,
    "page[after]=&sort=-available": FEW,
    "filter[in_stock]=true&sort=price": FEW,
    "filter[location]=main&sort=-popularity": FEW,
    "filter[status]=draft": FEW,
    "filter[search]=a&sort=price": FEW,
    "filter[search]=a": 5_000,
    "filter[search]=zzzzz": FEW,
    "facets=category,price,availability": 5_000,
}


@pytest.fixture(scope="module")
def many_documents(django_db_setup, django_db_blocker) -> Iterator[None]:
    with django_db_blocker.unblock(), large_demo(products=PRODUCTS):
        yield


@pytest.mark.usefixtures("many_documents")
def test_a_list_reads_little_however_many_documents_there_are(client):
    for query, most in LISTS.items():
        plans = plans_of(lambda query=query: client.get(f"{URL}?{query}"))
        assert plans, query
        for plan in plans:
            most_read = MANY if plan.is_count else most
            assert plan.rows_read <= most_read, (query, plan.rows_read, plan.sql)
            assert plan.is_count or not plan.read_from_end_to_end, (query, plan.sql)
