"""Products in the back office: adding, changing, deleting."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from common.backoffice import admins
from common.events.models import Event
from products import extensions, operations
from products.errors import ProductReserved
from products.models import Product
from tests.back_office import errors_on, filled_in, page_of, send, staff, text_of, told
from tests.factories import CategoryFactory, ProductFactory, StockLevelFactory

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

LIST = "/admin/products/product/"
ADD = f"{LIST}add/"
FORM = "product_form"
AN_AMOUNT = "Enter an amount like 12.50, without thousands marks."
MUG = {"sku": "MUG", "name": "Mug", "description": "Holds 0.3 l.", "price": "12.50"}


def delete_together(client, *products: Product):
    marked = [product.pk for product in products]
    data = {"action": "delete_selected", "_selected_action": marked}
    asked = client.post(LIST, data)
    assert "Delete these" in text_of(asked)
    assert Product.objects.living().count() == Product.objects.count()
    return client.post(LIST, data | {"post": "yes"}, follow=True)


@pytest.fixture
def viewer() -> Client:
    """Somebody who may look at the catalogue and nothing else."""
    return staff("view_product", "view_category")


# Adding


def test_a_product_is_added_by_the_operation_in_the_name_of_whoever_does_it(admin_client):
    cups = CategoryFactory()
    answer = send(
        admin_client,
        ADD,
        FORM,
        **MUG,
        category=cups.pk,
        images="https://a.example/1\nhttps://a.example/2",
    )
    assert "was added successfully" in told(answer)[0]
    mug = Product.objects.get()
    assert (mug.sku, mug.price, mug.category) == ("MUG", Decimal("12.50"), cups)
    assert mug.images == ["https://a.example/1", "https://a.example/2"]
    event = Event.objects.get()
    assert (event.type, event.actor) == ("product.created", "admin")
    assert LogEntry.objects.get().object_id == str(mug.pk)


def test_a_product_without_a_sku_gets_one(admin_client):
    send(admin_client, ADD, FORM, **MUG | {"sku": ""})
    assert Product.objects.get().sku.startswith("P-")


def test_text_is_kept_in_one_form(admin_client):
    send(admin_client, ADD, FORM, **MUG | {"name": "Cafe\u0301", "description": "a\r\nb"})
    mug = Product.objects.get()
    assert (mug.name, mug.description) == ("Caf\u00e9", "a\nb")


@pytest.mark.parametrize(
    ("entered", "field", "sentence"),
    [
        ({"sku": "TAKEN"}, "sku", "This SKU is taken."),
        ({"sku": "taken"}, "sku", "This SKU is taken."),
        ({"barcode": "4006381333931"}, "barcode", "This barcode is taken."),
        ({"sku": "not a sku"}, "sku", "Use 1 to 64 letters, digits and - _ . / only."),
        ({"barcode": "4006381333930"}, "barcode", "The check digit of this barcode is wrong."),
        ({"images": "ftp://a.example/1"}, "images", "An image is an http or https URL."),
        ({"images": "https://a.example/1\n" * 21}, "images", "At most 20 images."),
        ({"name": "bell\x07"}, "name", "Control characters are not allowed."),
        ({"name": ""}, "name", "This field is required."),
        ({"description": " "}, "description", "This field is required."),
        ({"price": "12.505"}, "price", "Ensure that there are no more than 2 decimal places."),
        ({"price": "1,234"}, "price", "Ensure that there are no more than 2 decimal places."),
        ({"price": "1.234,50"}, "price", AN_AMOUNT),
        ({"price": "1e3"}, "price", AN_AMOUNT),
        ({"price": "NaN"}, "price", AN_AMOUNT),
    ],
)
def test_what_is_refused_is_a_sentence_at_its_field(admin_client, entered, field, sentence):
    ProductFactory(sku="TAKEN", barcode="4006381333931")
    answer = send(admin_client, ADD, FORM, **MUG | entered)
    assert errors_on(answer) == {field: [sentence]}
    assert sentence in text_of(answer)
    assert Product.objects.count() == 1
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize(
    "other",
    [
        {"price": ""},
        {"images": "ftp://a.example/1"},
        {"price": "", "images": "https://a.example/1\nftp://a.example/1"},
    ],
)
def test_one_round_tells_all_that_is_wrong(admin_client, other):
    ProductFactory(sku="TAKEN")
    codes = {"sku": "taken", "barcode": "4006381333930"}
    said = errors_on(send(admin_client, ADD, FORM, **MUG | codes))
    assert said == {
        "sku": ["This SKU is taken."],
        "barcode": ["The check digit of this barcode is wrong."],
    }
    more = errors_on(send(admin_client, ADD, FORM, **MUG | codes | other))
    assert more.keys() == {*said, *other}


@pytest.mark.parametrize("price", ["12,50", "12,5", " 12.50 "])
def test_a_price_may_have_a_comma_before_its_cents(admin_client, price):
    send(admin_client, ADD, FORM, **MUG | {"price": price})
    assert Product.objects.get().price == Decimal("12.50")


@pytest.mark.parametrize("price", ["0", "-1"])
def test_a_price_is_above_zero(admin_client, price):
    answer = send(admin_client, ADD, FORM, **MUG | {"price": price})
    assert errors_on(answer).keys() == {"price"}


# Changing


def test_only_what_was_entered_anew_is_changed(admin_client):
    mug = ProductFactory(sku="MUG", images=["https://a.example/1"], barcode="4006381333931")
    StockLevelFactory(product=mug, on_hand=3)
    send(admin_client, page_of(mug), FORM, name="Large mug")
    event = Event.objects.get(type="product.updated")
    assert event.data == {"before": {"name": mug.name}, "after": {"name": "Large mug"}}
    assert event.actor == "admin"
    assert "Name" in LogEntry.objects.get().get_change_message()


def test_saving_without_a_change_changes_nothing(admin_client):
    mug = ProductFactory()
    send(admin_client, page_of(mug), FORM)
    mug.refresh_from_db()
    assert mug.version == 1


def test_a_product_may_leave_its_category_and_lose_its_barcode(admin_client):
    mug = ProductFactory(category=CategoryFactory(), barcode="4006381333931")
    send(admin_client, page_of(mug), FORM, category="", barcode="")
    mug.refresh_from_db()
    assert (mug.category, mug.barcode) == (None, None)


def test_a_page_that_is_no_longer_true_overwrites_nothing(admin_client):
    mug = ProductFactory(name="Mug")
    seen = filled_in(admin_client.get(page_of(mug)), FORM, name="Their name")
    operations.change_product(product_id=mug.pk, changes={"name": "Another's name"})
    answer = admin_client.post(page_of(mug), seen)
    (sentence,) = errors_on(answer)["__all__"]
    assert "Somebody has changed it since you opened this page" in sentence
    mug.refresh_from_db()
    assert mug.name == "Another's name"


def test_a_refused_change_keeps_what_was_entered(admin_client):
    ProductFactory(sku="TAKEN")
    mug = ProductFactory(sku="MUG")
    answer = send(admin_client, page_of(mug), FORM, sku="taken", name="Larger")
    assert errors_on(answer).keys() == {"sku"}
    assert 'value="Larger"' in text_of(answer)
    mug.refresh_from_db()
    assert mug.sku == "MUG"


def test_the_history_of_a_page_says_what_it_was_before_and_what_staff_did(admin_client):
    mug = ProductFactory(name="Mug")
    operations.change_product(product_id=mug.pk, changes={"name": "Cup"})
    page = text_of(admin_client.get(page_of(mug, "history")))
    assert "Nobody has changed it here yet." in page
    trail = page.partition('aria-labelledby="trail"')[2].partition("</section>")[0]
    assert trail.index("Mug") < trail.index("Cup")
    send(admin_client, page_of(mug), FORM, name="Beaker")
    page = text_of(admin_client.get(page_of(mug, "history")))
    assert "Nobody has changed it" not in page
    assert "Changed Name." in page


# Deleting


def test_deleting_asks_first_and_keeps_the_row_for_staff(admin_client):
    mug = ProductFactory(sku="MUG")
    StockLevelFactory(product=mug, on_hand=3)
    page = text_of(admin_client.get(page_of(mug, "delete")))
    assert "A deleted product leaves the catalogue" in page
    assert "3 on hand: once deleted" in page
    empty = ProductFactory()
    assert "on hand" not in text_of(admin_client.get(page_of(empty, "delete")))
    together = {"action": "delete_selected", "_selected_action": [mug.pk, empty.pk]}
    assert "3 on hand: once deleted" in text_of(admin_client.post(LIST, together))
    admin_client.post(page_of(mug, "delete"), {"post": "yes"})
    mug.refresh_from_db()
    assert mug.deleted_at
    assert Event.objects.get(type="product.deleted").actor == "admin"
    assert LogEntry.objects.get().is_deletion()
    page = text_of(admin_client.get(page_of(mug)))
    assert 'data-title="On hand">3<' in page
    assert "/adjust/" not in page
    assert admin_client.get(page_of(mug, "history")).status_code == 200


def test_a_deleted_product_can_only_be_read(admin_client):
    mug = ProductFactory(name="Mug")
    form = filled_in(admin_client.get(page_of(mug)), FORM, name="Other")
    operations.delete_product(product_id=mug.pk)
    assert 'name="_save"' not in text_of(admin_client.get(page_of(mug)))
    assert admin_client.post(page_of(mug), form).status_code == 403
    assert admin_client.post(page_of(mug, "delete"), {"post": "yes"}).status_code == 403


@pytest.fixture
def reserved(monkeypatch) -> Product:
    """A product that may not be deleted."""
    product = ProductFactory(sku="PROMISED")

    def guard(candidate: Product) -> None:
        if candidate == product:
            raise ProductReserved("Release its reservations first.")

    monkeypatch.setattr(extensions, "deletion_guards", [guard])
    return product


def test_a_refused_deletion_is_a_sentence_on_the_product_page(admin_client, reserved):
    answer = admin_client.post(page_of(reserved, "delete"), {"post": "yes"}, follow=True)
    assert told(answer) == ["Release its reservations first."]
    assert answer.request["PATH_INFO"] == page_of(reserved)
    assert not LogEntry.objects.exists()


def test_deleting_several_goes_row_by_row_and_reports_each(admin_client, reserved):
    others = [ProductFactory(sku="A", name="a"), ProductFactory(sku="B", name="b")]
    answer = delete_together(admin_client, reserved, *others)
    assert told(answer) == [
        f"{reserved}: Release its reservations first.",
        "2 products deleted: A a, B b.",
    ]
    assert list(Product.objects.living()) == [reserved]
    assert LogEntry.objects.count() == Event.objects.filter(type="product.deleted").count() == 2


def test_too_many_are_not_deleted_together(admin_client, monkeypatch):
    monkeypatch.setattr(admins, "MOST_DELETED", 2)
    marked = [product.pk for product in ProductFactory.create_batch(3)]
    data = {"action": "delete_selected", "_selected_action": marked, "post": "yes"}
    assert told(admin_client.post(LIST, data, follow=True)) == [
        "Select at most 2 at once; nothing was deleted."
    ]
    assert Product.objects.living().count() == 3


def test_staff_who_may_only_look_can_do_nothing_else(viewer):
    mug = ProductFactory(name="Mug")
    assert viewer.get(LIST).status_code == viewer.get(page_of(mug)).status_code == 200
    assert viewer.get(ADD).status_code == 403
    for action in ("change", "delete"):
        assert viewer.post(page_of(mug, action), {"post": "yes"}).status_code == 403
    marked = {"action": "delete_selected", "_selected_action": [mug.pk], "post": "yes"}
    viewer.post(LIST, marked)
    assert Product.objects.living().get().name == "Mug"
