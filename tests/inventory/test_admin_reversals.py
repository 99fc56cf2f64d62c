"""Taking back what was booked by mistake, in the back office."""

from __future__ import annotations

import pytest

from inventory import operations
from inventory.models import StockLevel
from products.operations import delete_product
from tests.back_office import errors_on, filled_in, page_of, send, staff, text_of, told
from tests.factories import LocationFactory, StockLevelFactory
from tests.inventory.stock_pages import STOCK_FORM, adjustments, moved

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


@pytest.fixture
def mug() -> StockLevel:
    return StockLevelFactory(product__sku="MUG", product__name="Mug", on_hand=7)


@pytest.fixture
def sale(mug):
    moved(mug, -3, reference="ORDER-1")
    return mug.movements.latest("sequence")


@pytest.fixture
def transfer(mug):
    LocationFactory(code="outlet", name="Outlet")
    return operations.transfer_stock(
        product_id=mug.product_id, from_location="main", to_location="outlet", quantity=2
    )


def test_a_movement_is_reversed_once_and_leads_to_its_opposite(admin_client, mug, sale):
    asked = text_of(admin_client.get(page_of(sale, "reverse")))
    assert "Sale of 3 (ORDER-1) on " in asked
    answer = send(admin_client, page_of(sale, "reverse"), STOCK_FORM, note="Rang up twice.")
    assert told(answer) == ["MUG at Main: 4 → 7 (reversal)."]
    opposite = mug.movements.latest("sequence")
    assert (opposite.reversal_of, opposite.note, opposite.actor) == (
        sale,
        "Rang up twice.",
        "admin",
    )
    page = text_of(admin_client.get(page_of(sale)))
    assert page_of(opposite) in page
    assert page_of(sale, "reverse") not in page
    again = send(admin_client, page_of(sale, "reverse"), STOCK_FORM)
    assert errors_on(again) == {"__all__": ["This movement has been reversed already."]}
    assert adjustments(mug) == [(-3, "sale"), (3, "reversal")]


def test_the_same_form_sent_twice_reverses_once(admin_client, mug, sale):
    form = filled_in(admin_client.get(page_of(sale, "reverse")), STOCK_FORM)
    answers = [admin_client.post(page_of(sale, "reverse"), form, follow=True) for _ in range(2)]
    assert [told(answer) for answer in answers] == [["MUG at Main: 4 → 7 (reversal)."]] * 2
    assert len(adjustments(mug)) == 2


def test_what_has_gone_cannot_be_taken_back(admin_client, mug):
    receipt = mug.movements.get()
    moved(mug, -5)
    answer = send(admin_client, page_of(receipt, "reverse"), STOCK_FORM)
    assert errors_on(answer) == {"__all__": ["7 of MUG were asked for and 2 are available."]}
    assert adjustments(mug) == [(-5, "sale")]


def test_a_transfer_is_reversed_whole(admin_client, mug, transfer):
    assert page_of(transfer, "reverse") in text_of(admin_client.get(page_of(transfer)))
    answer = send(admin_client, page_of(transfer, "reverse"), STOCK_FORM)
    assert told(answer) == ["2 of MUG: Outlet 2 → 0, Main 5 → 7."]
    mug.refresh_from_db()
    assert mug.on_hand == 7
    assert page_of(transfer.reversal) in text_of(admin_client.get(page_of(transfer)))


def test_one_leg_of_a_transfer_is_not_reversed_alone(admin_client, mug, transfer):
    leg = mug.movements.latest("sequence")
    assert page_of(leg, "reverse") not in text_of(admin_client.get(page_of(leg)))
    answer = send(admin_client, page_of(leg, "reverse"), STOCK_FORM)
    assert errors_on(answer) == {"__all__": ["Reverse the whole transfer instead."]}


def test_reversing_takes_a_permission_of_its_own(mug, sale, transfer):
    viewer = staff("view_stockmovement", "view_transfer", "adjust_stock", "transfer_stock")
    for row in (sale, transfer):
        assert page_of(row, "reverse") not in text_of(viewer.get(page_of(row)))
        assert viewer.post(page_of(row, "reverse"), {}).status_code == 403
    clerk = staff("view_stockmovement", "reverse_movement", name="bo")
    assert page_of(sale, "reverse") in text_of(clerk.get(page_of(sale)))


def test_the_ledger_of_a_deleted_product_stays_as_it_is(admin_client, mug, sale):
    delete_product(product_id=mug.product_id)
    assert page_of(sale, "reverse") not in text_of(admin_client.get(page_of(sale)))
    answer = admin_client.get(page_of(sale, "reverse"), follow=True)
    assert told(answer) == ["MUG has been deleted. Its stock can only be read."]
