"""Products from files: judged, applied, taken back, and the same again when exported."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest

from common.importing.kinds import kinds
from products import operations
from products.models import Product
from tests.common.importing.files import (
    applied,
    as_csv,
    as_xlsx,
    checked,
    exported,
    problems_of,
    rows_of_file,
    undone,
)
from tests.factories import CategoryFactory, ProductFactory, StockLevelFactory

pytestmark = pytest.mark.django_db

HEAD = ["sku", "name", "description", "price"]
NASTY = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "'=1+1",
    "''quoted",
    "'tis",
    'say "so", or; not',
    "two\nlines",
    "0042",
    "Zoë – ½ €, 日本語 🫖",
    "＝1",  # noqa: RUF001
    "1e5",
    "2026-11-24",
    "TRUE",
]


def test_a_file_adds_changes_and_leaves_as_they_are():
    ProductFactory(sku="MUG", name="Mug", description="Round.", price=Decimal("9.50"))
    ProductFactory(sku="CUP", name="Cup", description="Small.", price=Decimal("5.00"))
    file = checked(
        "products",
        as_csv(
            HEAD,
            ["mug", "Mug", "Round.", "10"],
            ["CUP", "Cup", "Small.", "5,00"],
            ["POT", "Pot", "Big.", "20.00"],
        ),
    )
    assert file.figures == {"change": 1, "same": 1, "new": 1}
    assert [row.action for row in rows_of_file(file)] == ["change", "same", "new"]
    assert rows_of_file(file)[0].differences == [["price", "9.50", "10.00"]]
    file = applied(file)
    assert (file.status, file.figures["applied"]) == ("applied", 2)
    assert Product.objects.get(sku="MUG").price == 10
    assert Product.objects.get(sku="POT").name == "Pot"


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_what_is_exported_and_imported_again_changes_nothing(form):
    category = CategoryFactory(slug="cups")
    for number, text in enumerate(NASTY):
        ProductFactory(
            sku=f"-{number:04}",
            name=text,
            description=f"{text}\n{text}",
            category=category if number % 2 else None,
            barcode=None if number else "00012345678905",
            images=["https://example.com/a.png", "https://example.com/b.png"] * (number % 2),
            status="draft" if number == 3 else "active",
        )
    file = checked("products", exported("products", form), name=f"again.{form}")
    assert problems_of(file) == {}
    assert file.figures == {"same": len(NASTY)}


def test_every_problem_of_a_row_is_told_with_its_column():
    ProductFactory(sku="OTHER", barcode="4006381333931")
    file = checked(
        "products",
        as_csv(
            [*HEAD, "category", "status", "barcode", "images"],
            ["MUG", "", "Round.", "1.234,56", "none", "sold", "123", "ftp://x"],
            ["BOWL", "Bowl", "Deep.", "1.234", "none", "active", "4006381333931", ""],
            ["BOWL", "Bowl", "Deep.", "1.23", "", "active", "", ""],
            ["a b", "X", "Y", "-5", "", "active", "", ""],
        ),
    )
    told = problems_of(file)
    assert {column for column, _ in told[2]} == {"name", "price", "status", "barcode", "images"}
    assert (
        "price",
        "1.234 has more than two decimals: write 1234.56, without thousands marks.",
    ) in (told[3])
    assert ("sku", "BOWL stands in row 3 already.") in told[4]
    assert {column for column, _ in told[5]} == {"sku", "price"}
    assert file.figures == {"wrong": 4}


def test_what_a_row_names_has_to_be_there():
    ProductFactory(sku="OTHER", barcode="4006381333931")
    file = checked(
        "products",
        as_csv(
            ["sku", "category", "barcode"],
            ["OTHER", "none", "4006381333931"],
            ["MUG", "", "4006381333931"],
        ),
    )
    told = problems_of(file)
    assert told[2] == [("category", "There is no category with the slug “none”.")]
    assert ("barcode", "4006381333931 stands in row 2 already.") in told[3]


def test_a_new_product_needs_all_that_a_product_needs():
    told = problems_of(checked("products", as_csv(["sku", "price"], ["MUG", "1"])))
    assert told == {
        2: [("name", "A new product needs it."), ("description", "A new product needs it.")]
    }


def test_a_column_that_is_missing_changes_nothing_and_an_empty_cell_empties():
    ProductFactory(sku="MUG", barcode="4006381333931", category=CategoryFactory(slug="cups"))
    applied(checked("products", as_csv(["sku", "barcode"], ["MUG", ""])))
    mug = Product.objects.get(sku="MUG")
    assert mug.barcode is None
    assert mug.category.slug == "cups"


def test_a_product_that_was_changed_meanwhile_is_refused_and_the_others_are_not():
    mug = ProductFactory(sku="MUG")
    ProductFactory(sku="CUP")
    file = checked("products", as_csv(["sku", "name"], ["MUG", "New"], ["CUP", "New"]))
    operations.change_product(product_id=mug.pk, changes={"price": Decimal(3)})
    file = applied(file)
    assert file.figures["refused"] == 1
    assert "changed since the file was checked" in problems_of(file)[2][0][1]
    assert Product.objects.get(sku="CUP").name == "New"


def test_an_import_of_products_is_undone():
    category = CategoryFactory(slug="cups")
    ProductFactory(sku="MUG", name="Mug", price=Decimal("9.50"), category=category)
    head = ["sku", "name", "description", "price", "category"]
    content = as_csv(head, ["MUG", "Tall mug", "Tall.", "11", ""], ["POT", "Pot", "Big.", "20", ""])
    file = undone(applied(checked("products", content)))
    assert (file.status, file.figures["undone"]) == ("undone", 2)
    mug = Product.objects.get(sku="MUG")
    assert (mug.name, mug.price, mug.category) == ("Mug", Decimal("9.50"), category)
    assert Product.objects.get(sku="POT").deleted_at is not None


def test_what_somebody_has_gone_on_with_is_not_undone():
    mug = ProductFactory(sku="MUG", name="Mug")
    content = as_csv(HEAD, ["MUG", "Tall mug", "Tall.", "11"], ["POT", "Pot", "Big.", "20"])
    file = applied(checked("products", content))
    operations.change_product(product_id=mug.pk, changes={"name": "Taller mug"})
    StockLevelFactory(product=Product.objects.get(sku="POT"), on_hand=1)
    file = undone(file)
    assert file.figures["kept"] == 2
    assert problems_of(file) == {
        2: [("name", "It has been changed since it was imported.")],
        3: [("", "It has got stock since.")],
    }
    assert Product.objects.get(sku="MUG").name == "Taller mug"


def test_a_spreadsheet_that_has_made_a_date_or_a_formula_of_a_cell_is_told():
    file = checked(
        "products",
        as_xlsx(
            HEAD,
            [datetime(2026, 3, 1), "Mug", "Round.", 5],  # noqa: DTZ001  as openpyxl reads them
            ["POT", "=1+1", "Big.", 5.5],
            ["CUP", "Cup", "Small.", 5.555],
        ),
    )
    told = problems_of(file)
    assert told[2][0][0] == "sku"
    assert told[3] == [("", "B3 holds a formula: put its value there instead.")]
    assert told[4][0][0] == "price"


def test_judging_takes_the_same_queries_for_any_number_of_rows(django_assert_num_queries):
    kind = kinds["products"]
    rows = [{"sku": f"S-{n}", "category": "x", "barcode": "4006381333931"} for n in range(50)]
    for some in (rows[:1], rows):
        with django_assert_num_queries(3):
            kind.judge(some)
