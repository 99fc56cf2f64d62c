"""Addresses of the back office with values that nobody can mean: a page, and no error of ours."""

from urllib.parse import urlencode

import pytest

LISTS = (
    "access/apikey",
    "inventory/location",
    "inventory/stocklevel",
    "inventory/stockmovement",
    "inventory/transfer",
    "products/category",
    "products/product",
)
ODD = {
    "created_at__gte": "2024-01-01T00:00:00+23:59",  # PostgreSQL takes offsets below 16 hours
    "created_at__year": "99999999999",
}


@pytest.mark.django_db(transaction=True)  # PostgreSQL itself refuses, outside of a transaction
@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("name", ODD)
def test_a_filter_that_cannot_be_compared_with_leads_back_to_the_list(admin_client, path, name):
    answer = admin_client.get(f"/admin/{path}/?{urlencode({name: ODD[name]})}")
    assert (answer.status_code, answer["Location"]) == (302, f"/admin/{path}/?e=1")


@pytest.mark.parametrize("value", ["x", "1", "é"])
def test_a_form_is_not_filled_with_what_no_column_could_hold(admin_client, value):
    query = urlencode({"category": value, "name": "Mug"})
    page = admin_client.get(f"/admin/products/product/add/?{query}")
    assert page.status_code == 200
    assert page.context["adminform"].form.initial == {"name": "Mug"}
