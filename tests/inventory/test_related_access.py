"""What is seen by way of something else: only what may be read, and is still there."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from inventory.models import StockMovement
from inventory.operations import transfer_stock
from products.operations import delete_product
from tests.factories import LocationFactory, StockLevelFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def level():
    return StockLevelFactory(on_hand=5)


@pytest.fixture
def place_of(level):
    """The URL of each resource that leads to others."""
    LocationFactory(code="north")
    transfer = transfer_stock(
        product_id=level.product_id, from_location="main", to_location="north", quantity=1
    )
    return {
        "products": f"/api/v1/products/{level.product_id}",
        "inventory": f"/api/v1/inventory/{level.product_id}",
        "stock-levels": f"/api/v1/stock-levels/{level.pk}",
        "stock-movements": f"/api/v1/stock-movements/{StockMovement.objects.earliest('pk').pk}",
        "transfers": f"/api/v1/transfers/{transfer.pk}",
    }


ACROSS = [
    ("products:read", "inventory:read", "products", "inventory"),
    ("inventory:read", "products:read", "inventory", "product"),
    ("inventory:read", "products:read", "stock-levels", "product"),
    ("inventory:read", "products:read", "stock-movements", "product"),
    ("inventory:read", "products:read", "transfers", "product"),
]


@pytest.mark.parametrize(("scope", "missing", "start", "name"), ACROSS)
@pytest.mark.parametrize("way", ["?include={}", "/{}"])
def test_what_a_key_may_not_read_does_not_come_with_something_else(
    api_client, place_of, scope, missing, start, name, way
):
    url = place_of[start] + way.format(name)
    answer = api_client(scope).get(url)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "permission_denied")
    assert missing in answer.json()["errors"][0]["detail"]
    assert api_client(scope, missing).get(url).status_code == 200


def test_nor_with_a_list_or_at_the_end_of_a_longer_path(api_client, level):
    client = api_client("products:read")
    assert client.get("/api/v1/products?include=inventory").status_code == 403
    assert client.get("/api/v1/products?include=category").status_code == 200


def test_staff_follow_only_what_they_may_view(django_user_model, level):
    clerk = django_user_model.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(permission("view_stocklevel"))
    client = Client()
    client.force_login(clerk)
    url = f"/api/v1/inventory/{level.product_id}"
    assert client.get(url).status_code == 200
    assert client.get(f"{url}?include=product").status_code == 403
    clerk.user_permissions.add(permission("view_product"))
    assert client.get(f"{url}?include=product").status_code == 200


def permission(codename):
    return Permission.objects.get(codename=codename)


GONE = [
    ("stock-movements", "product"),
    ("stock-movements", "stock_level"),
    ("transfers", "product"),
]


@pytest.mark.parametrize(("start", "name"), GONE)
def test_a_deleted_product_is_not_seen_by_way_of_its_ledger(
    api_client, place_of, level, start, name
):
    client = api_client("products:read", "inventory:read")
    assert client.get(f"{place_of[start]}?include={name}").json()["included"] != []
    delete_product(product_id=level.product_id)
    answer = client.get(f"{place_of[start]}?include={name}")
    assert (answer.status_code, answer.json()["included"]) == (200, [])
    assert client.get(f"{place_of[start]}/{name}").status_code == 404
