"""The pages that print labels of products, stock levels and locations."""

from __future__ import annotations

import pypdfium2
import pytest
import zxingcpp
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from common.labels import PAPERS
from inventory.models import Location, StockLevel
from tests.back_office import errors_on, filled_in, staff, text_of, told
from tests.factories import LocationFactory, ProductFactory, StockLevelFactory

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

FORM = "label-form"


@pytest.fixture
def mug() -> StockLevel:
    return StockLevelFactory(
        product__sku="MUG", product__name="Blue mug", product__barcode="9521000100015", on_hand=3
    )


def chosen(client, *rows):
    """The page that a list opens for some of its rows."""
    meta = rows[0]._meta
    selected = [str(row.pk) for row in rows]
    return client.post(
        reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist"),
        {"action": "labels", "index": "0", ACTION_CHECKBOX_NAME: selected},
        follow=True,
    )


def of_row(row) -> str:
    meta = row._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_print_labels", args=[row.pk])


def printed(client, page, **entered):
    """The answer to the form."""
    model = page.context["opts"].model_name
    app = page.context["opts"].app_label
    address = reverse(f"admin:{app}_{model}_labels")
    return client.post(address, filled_in(page, FORM, **entered))


def codes(answer) -> list[list[str]]:
    """The texts that a scanner reads on each page of a PDF."""
    assert answer["Content-Type"] == "application/pdf"
    return [
        sorted(code.text for code in zxingcpp.read_barcodes(page.render(scale=4).to_pil()))
        for page in pypdfium2.PdfDocument(answer.content)
    ]


def text(answer) -> str:
    page = pypdfium2.PdfDocument(answer.content)[0]
    return " ".join(page.get_textpage().get_text_range().split())


def test_the_label_of_a_product_has_its_name_sku_barcode_and_qr(admin_client, mug):
    answer = printed(admin_client, admin_client.get(of_row(mug.product)))
    assert codes(answer) == [["9521000100015", "MUG"]]
    assert text(answer).startswith("Blue mug MUG")


def test_the_label_of_a_stock_level_says_where_it_lies(admin_client, mug):
    answer = printed(admin_client, admin_client.get(of_row(mug)))
    assert codes(answer) == [["9521000100015", "MUG"]]
    assert "MUG · Main" in text(answer)


def test_the_label_of_a_location_has_its_code(admin_client):
    shelf = LocationFactory(code="shelf-7", name="Shelf 7")
    page = admin_client.get(of_row(shelf))
    assert "as_on_hand" not in page.context["form"].fields
    answer = printed(admin_client, page)
    assert codes(answer) == [["shelf-7", "shelf-7"]]
    assert text(answer).startswith("Shelf 7")


@pytest.mark.parametrize("paper", PAPERS)
def test_labels_are_printed_for_many_rows_on_the_paper_chosen(admin_client, mug, paper):
    tea = StockLevelFactory(product__sku="TEA", on_hand=2)
    page = chosen(admin_client, mug.product, tea.product)
    answer = printed(admin_client, page, paper=paper, copies=2)
    found = [text for page in codes(answer) for text in page]
    assert {"9521000100015", "MUG", "TEA"} == set(found)
    expected = 4 if PAPERS[paper].per_page == 1 else 1
    assert len(pypdfium2.PdfDocument(answer.content)) == expected


def test_as_many_labels_as_are_on_hand(admin_client, mug):
    StockLevelFactory(product=mug.product, location=LocationFactory(code="outlet"), on_hand=1)
    none = StockLevelFactory(product__sku="NONE", on_hand=0)
    page = chosen(admin_client, mug.product, none.product)
    assert len(codes(printed(admin_client, page, as_on_hand="on"))) == 4
    levels = chosen(admin_client, mug, none)
    assert len(codes(printed(admin_client, levels, as_on_hand="on"))) == 3
    answer = printed(admin_client, chosen(admin_client, none), as_on_hand="on")
    assert errors_on(answer)["__all__"] == ["None of it is on hand: there are no labels to print."]


def test_the_qr_code_can_lead_to_the_page(admin_client, mug, settings):
    assert "qr" not in admin_client.get(of_row(mug.product)).context["form"].fields
    settings.PUBLIC_URL = "https://stock.example.com"
    page = admin_client.get(of_row(mug.product))
    address = f"https://stock.example.com/admin/products/product/{mug.product_id}/change/"
    assert codes(printed(admin_client, page, qr="page")) == [["9521000100015", address]]


@pytest.mark.parametrize(
    ("entered", "field", "sentence"),
    [
        ({"copies": "0"}, "copies", "greater than or equal to 1"),
        ({"copies": "1001"}, "copies", "less than or equal to 1000"),
        ({"copies": "x"}, "copies", "Enter a whole number"),
        ({"start": "2"}, "start", "These labels have 1 places on a sheet."),
        ({"start": "25", "paper": "a4-24"}, "start", "These labels have 24 places"),
        ({"paper": "napkin"}, "paper", "Select a valid choice"),
        ({"copies": "501"}, "__all__", "That would be 1002 labels. At most 1000"),
    ],
)
def test_what_cannot_be_printed_is_a_sentence_on_the_form(
    admin_client, mug, entered, field, sentence
):
    page = chosen(admin_client, mug.product, ProductFactory())
    ((name, (said,)),) = errors_on(printed(admin_client, page, **entered)).items()
    assert name == field
    assert sentence in said


def test_the_paper_is_remembered(admin_client, mug):
    printed(admin_client, admin_client.get(of_row(mug)), paper="a4-14")
    assert filled_in(admin_client.get(of_row(mug)), FORM)["paper"] == "a4-14"


def test_a_sku_too_long_for_bars_is_told_beforehand(admin_client):
    product = ProductFactory(sku="X" * 64)
    page = admin_client.get(of_row(product))
    assert "Too long for bars on these labels" in text_of(page)
    assert codes(printed(admin_client, page)) == [["X" * 64]]


def test_whoever_may_see_rows_may_print_their_labels_and_nobody_else(mug):
    reader = staff("view_product", "view_stocklevel", "view_location")
    stranger = staff("view_category", name="stranger")
    for row in (mug.product, mug, Location.objects.default()):
        meta = row._meta
        address = reverse(f"admin:{meta.app_label}_{meta.model_name}_labels")
        assert codes(printed(reader, reader.get(of_row(row))))
        assert stranger.get(of_row(row)).status_code == 403
        assert stranger.post(address, {"chosen": str(row.pk)}).status_code == 403


def test_there_is_nothing_to_print_without_rows(admin_client):
    address = reverse("admin:products_product_labels")
    for answer in (admin_client.get(address), admin_client.post(address, {"chosen": "x y"})):
        assert answer["Location"] == reverse("admin:products_product_changelist")
    assert (
        admin_client.get(
            reverse("admin:products_product_print_labels", args=["nonsense"])
        ).status_code
        == 404
    )


def test_more_rows_than_labels_are_refused_with_advice(admin_client, mug, monkeypatch):
    monkeypatch.setattr("common.backoffice.labels.MOST", 1)
    answer = chosen(admin_client, mug.product, ProductFactory())
    assert told(answer) == ["Select at most 1 at once: search or filter for fewer."]


def test_the_number_of_queries_does_not_grow_with_the_rows(admin_client):
    def queries(count: int) -> int:
        levels = [StockLevelFactory(on_hand=1) for _ in range(count)]
        page = chosen(admin_client, *levels)
        form = filled_in(page, FORM, as_on_hand="on")
        with CaptureQueriesContext(connection) as asked:
            answer = admin_client.post(reverse("admin:inventory_stocklevel_labels"), form)
        assert len(pypdfium2.PdfDocument(answer.content)) == count
        return len(asked)

    queries(1)
    assert queries(2) == queries(20)
