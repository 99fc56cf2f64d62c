"""Movements and transfers in the back office."""

from __future__ import annotations

from datetime import timedelta

import pytest

from inventory import operations
from inventory.models import StockLevel, StockMovement, Transfer
from tests.back_office import page_of, text_of
from tests.factories import LocationFactory, StockLevelFactory
from tests.inventory.stock_pages import MOVEMENTS, TRANSFERS, moved, skus

pytestmark = pytest.mark.django_db


@pytest.fixture
def mug() -> StockLevel:
    return StockLevelFactory(product__sku="MUG", product__name="Mug", on_hand=7)


def test_movements_are_found_by_product_reference_reason_location_and_day(admin_client, mug):
    pen = StockLevelFactory(
        product__sku="PEN",
        product__barcode="4006381333931",
        location=LocationFactory(code="outlet"),
        on_hand=1,
    )
    moved(mug, -1, reference="ORDER-1")

    def listed(query):
        return skus(admin_client.get(f"{MOVEMENTS}?{query}"))

    assert listed("") == ["MUG", "PEN", "MUG"]
    assert listed("q=pe") == ["PEN"]
    assert listed("q=4006381333931") == ["PEN"]
    assert listed("q=ORDER-1") == ["MUG"]
    assert listed("q=ORDER") == []
    assert listed("reason__exact=sale") == ["MUG"]
    assert listed(f"location__id__exact={pen.location_id}") == ["PEN"]
    tomorrow = pen.created_at + timedelta(days=1)
    assert listed(f"created_at__gte={tomorrow:%Y-%m-%d}T00:00:00%2B00:00") == []
    assert "Past 7 days" in text_of(admin_client.get(MOVEMENTS))


@pytest.mark.parametrize("model", [StockMovement, Transfer])
def test_the_ledger_can_be_read_and_nothing_else(admin_client, mug, model):
    LocationFactory(code="outlet")
    operations.transfer_stock(
        sku="MUG", from_location="main", to_location="outlet", quantity=2, reference="T-1"
    )
    row = model.objects.latest("id")
    address = f"/admin/inventory/{model._meta.model_name}/"
    page = text_of(admin_client.get(f"{address}{row.pk}/change/"))
    assert f"/admin/products/product/{mug.product_id}/change/" in page
    assert "T-1" in page
    assert page_of(row, "history") not in page
    assert admin_client.get(f"{address}add/").status_code == 403
    for action in ("change", "delete"):
        answer = admin_client.post(f"{address}{row.pk}/{action}/", {"post": "yes"})
        assert answer.status_code == 403


def test_a_movement_leads_to_its_level_transfer_and_original(admin_client, mug):
    LocationFactory(code="outlet")
    transfer = operations.transfer_stock(
        sku="MUG", from_location="main", to_location="outlet", quantity=2
    )
    leg = transfer.movements.first()
    page = text_of(admin_client.get(f"{MOVEMENTS}{leg.pk}/change/"))
    assert page_of(leg.stock_level) in page
    assert f"{TRANSFERS}{transfer.pk}/change/" in page
    moved(mug, -1)
    sale = mug.movements.latest("sequence")
    opposite = operations.reverse_movement(movement_id=sale.pk)
    page = text_of(admin_client.get(f"{MOVEMENTS}{opposite.pk}/change/"))
    assert f"{MOVEMENTS}{sale.pk}/change/" in page


def test_transfers_are_found_by_product_and_reference(admin_client, mug):
    LocationFactory(code="outlet")
    for reference in ("T-1", "T-2"):
        operations.transfer_stock(
            sku="MUG", from_location="main", to_location="outlet", quantity=1, reference=reference
        )
    assert skus(admin_client.get(f"{TRANSFERS}?q=mug")) == ["MUG", "MUG"]
    assert skus(admin_client.get(f"{TRANSFERS}?q=T-2")) == ["MUG"]
