"""The catalogue in the back office."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from common.backoffice import admins, lists
from common.events.models import Event
from inventory.models import Location
from products import extensions, operations
from products.errors import ProductReserved
from products.models import Category, Product
from tests.back_office import errors_on, filled_in, send, text_of, told
from tests.factories import CategoryFactory, ProductFactory, StockLevelFactory

pytestmark = pytest.mark.django_db

LIST = "/admin/products/product/"
ADD = f"{LIST}add/"
CATEGORIES = "/admin/products/category/"
FORM = "product_form"
MUG = {"sku": "MUG", "name": "Mug", "description": "Holds 0.3 l.", "price": "12.50"}


def page_of(product: Product, action: str = "change") -> str:
    return reverse(f"admin:products_product_{action}", args=[product.pk])


def skus(page) -> list[str]:
    text_of(page)
    return [product.sku for product in page.context["cl"].result_list]


def delete_together(client, *products: Product):
    marked = [product.pk for product in products]
    data = {"action": "delete_selected", "_selected_action": marked}
    asked = client.post(LIST, data)
    assert "Delete these" in text_of(asked)
    assert Product.objects.living().count() == Product.objects.count()
    return client.post(LIST, data | {"post": "yes"}, follow=True)


@pytest.fixture
def staff() -> Client:
    """Somebody who may look at the catalogue and nothing else."""
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.add(
        *Permission.objects.filter(codename__in=["view_product", "view_category"])
    )
    client = Client()
    client.force_login(viewer)
    return client


# The list


def test_the_list_shows_what_is_sold_and_how_many_there_are(admin_client):
    mug = ProductFactory(sku="MUG", name="Mug", price=Decimal("12.50"), category=CategoryFactory())
    StockLevelFactory(product=mug, on_hand=7, reserved=3)
    page = text_of(admin_client.get(LIST))
    for figure in ("MUG", "Mug", "12.50", mug.category.name, "Active"):
        assert figure in page
    assert re.search(r'field-on_hand[^>]*>7<', page)
    assert re.search(r'field-available[^>]*>4<', page)


def test_a_product_without_stock_says_whether_it_ever_had_any(admin_client):
    StockLevelFactory(product__sku="GONE", on_hand=2, reserved=2)
    ProductFactory(sku="NEW")
    page = text_of(admin_client.get(LIST))
    assert "Out of stock: 2 on hand, 2 of them reserved" in page
    assert "Never stocked" in page


def test_the_first_image_is_shown_without_telling_its_host_who_looks(admin_client):
    ProductFactory(images=["https://images.example/a.jpg", "https://images.example/b.jpg"])
    (picture,) = re.findall(r"<img[^>]*images\.example[^>]*>", text_of(admin_client.get(LIST)))
    assert 'src="https://images.example/a.jpg"' in picture
    assert 'referrerpolicy="no-referrer"' in picture
    assert 'loading="lazy"' in picture


def test_the_list_takes_as_many_queries_for_many_products_as_for_few(
    admin_client, django_assert_num_queries
):
    def add(count):
        for _ in range(count):
            StockLevelFactory(on_hand=1, product__category=CategoryFactory())

    add(5)
    admin_client.get(LIST)
    queries = 6  # session, user, categories to filter by, count, products, inventories
    with django_assert_num_queries(queries):
        assert len(skus(admin_client.get(LIST))) == 5
    add(20)
    with django_assert_num_queries(queries):
        assert len(skus(admin_client.get(LIST))) == 25


def test_rows_are_counted_only_so_far(admin_client, monkeypatch):
    monkeypatch.setattr(lists, "MOST_COUNTED", 3)
    ProductFactory.create_batch(3)
    assert "and more" not in text_of(admin_client.get(LIST))
    ProductFactory()
    page = admin_client.get(LIST)
    assert "and more" in text_of(page)
    assert page.context["cl"].result_count == 3


def test_an_empty_list_says_what_to_do_next(admin_client):
    assert "No products yet" in text_of(admin_client.get(LIST))
    ProductFactory()
    page = text_of(admin_client.get(f"{LIST}?q=nothing"))
    assert "Nothing matches" in page
    assert "Show all products" in page


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("mu", ["MU", "MUG-RED"]),
        ("MUG-", ["MUG-RED"]),
        ("4006381333931", ["PEN"]),
        ("ball pen", ["PEN"]),
        ("creme", ["CUP"]),
        ("cup of", ["CUP"]),
        ("  PEN  ", ["PEN"]),
        ("%", []),
    ],
)
def test_products_are_found_by_code_and_by_words(admin_client, typed, found):
    ProductFactory(sku="MUG-RED", name="Red")
    ProductFactory(sku="MU", name="Short")
    ProductFactory(sku="PEN", name="A pen with a ball", barcode="4006381333931")
    ProductFactory(sku="CUP", name="Crème cup", description="A cup of coffee fits.")
    assert skus(admin_client.get(LIST, {"q": typed})) == found


def test_what_is_called_by_its_code_comes_before_what_only_mentions_it(admin_client):
    ProductFactory(sku="A-CASE", name="Case for MUG, for a MUG, with a MUG")
    ProductFactory(sku="MUG")
    assert skus(admin_client.get(LIST, {"q": "mug"})) == ["MUG", "A-CASE"]


def test_filters_by_stock_status_and_category(admin_client):
    cups = CategoryFactory()
    StockLevelFactory(product__sku="PLENTY", product__category=cups, on_hand=9, reorder_point=2)
    StockLevelFactory(product__sku="LOW", on_hand=2, reorder_point=2)
    StockLevelFactory(product__sku="OUT", product__status="archived")
    ProductFactory(sku="NEVER")

    def filtered(query):
        return skus(admin_client.get(f"{LIST}?{query}"))

    assert filtered("stock=in") == ["LOW", "PLENTY"]
    assert filtered("stock=low") == ["LOW"]
    assert filtered("stock=out") == ["NEVER", "OUT"]
    assert filtered("status__exact=archived") == ["OUT"]
    assert filtered(f"category__id__exact={cups.pk}") == ["PLENTY"]


def test_deleted_products_are_out_of_sight_until_asked_for(admin_client):
    living, gone = ProductFactory(sku="HERE"), ProductFactory(sku="GONE", name="Gone")
    operations.delete_product(product_id=gone.pk)
    assert skus(admin_client.get(LIST)) == [living.sku]
    assert skus(admin_client.get(f"{LIST}?q=gone")) == []
    assert skus(admin_client.get(f"{LIST}?deleted=yes")) == [gone.sku]
    assert skus(admin_client.get(f"{LIST}?deleted=yes&q=gone")) == [gone.sku]
    assert skus(admin_client.get(f"{LIST}?deleted=yes&q=here")) == []


# Adding


def test_a_product_is_added_by_the_operation_in_the_name_of_whoever_does_it(admin_client):
    cups = CategoryFactory()
    answer = send(
        admin_client, ADD, FORM, **MUG, category=cups.pk, images="https://a.example/1\nhttps://a.example/2"
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
        ({"sku": "TAKEN"}, "sku", "This sku is taken."),
        ({"sku": "taken"}, "sku", "This sku is taken."),
        ({"sku": "not a sku"}, "sku", "Use 1 to 64 letters, digits and - _ . / only."),
        ({"barcode": "4006381333930"}, "barcode", "The check digit of this barcode is wrong."),
        ({"images": "ftp://a.example/1"}, "images", "An image is an http or https URL."),
        ({"name": "bell\x07"}, "name", "Control characters are not allowed."),
        ({"name": ""}, "name", "This field is required."),
        ({"description": " "}, "description", "This field is required."),
        ({"price": "12.505"}, "price", "Ensure that there are no more than 2 decimal places."),
    ],
)
def test_what_is_refused_is_a_sentence_at_its_field(admin_client, entered, field, sentence):
    ProductFactory(sku="TAKEN")
    answer = send(admin_client, ADD, FORM, **MUG | entered)
    assert errors_on(answer) == {field: [sentence]}
    assert sentence in text_of(answer)
    assert Product.objects.count() == 1
    assert not LogEntry.objects.exists()


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


# A product's page


def test_the_page_shows_stock_and_leads_to_adjusting_it(admin_client):
    level = StockLevelFactory(on_hand=7, reserved=2)
    page = text_of(admin_client.get(page_of(level.product)))
    assert "7 on hand, 5 available" in page
    assert f"/admin/inventory/stocklevel/{level.pk}/adjust/?back=product" in page


def test_a_product_that_was_never_stocked_says_what_to_do(admin_client):
    mug = ProductFactory()
    page = text_of(admin_client.get(page_of(mug)))
    assert "This product has never been stocked." in page
    assert f"/admin/inventory/stocklevel/add/?product={mug.pk}" in page


def test_who_may_not_adjust_stock_sees_no_link_to_it(staff):
    level = StockLevelFactory()
    page = text_of(staff.get(page_of(level.product)))
    assert "/adjust/" not in page
    assert "/stocklevel/add/" not in page


# Deleting


def test_deleting_asks_first_and_keeps_the_row_for_staff(admin_client):
    mug = ProductFactory(sku="MUG")
    StockLevelFactory(product=mug, on_hand=3)
    page = text_of(admin_client.get(page_of(mug, "delete")))
    assert "Its stock history stays" in page
    admin_client.post(page_of(mug, "delete"), {"post": "yes"})
    mug.refresh_from_db()
    assert mug.deleted_at
    assert Event.objects.get(type="product.deleted").actor == "admin"
    assert LogEntry.objects.get().is_deletion()
    assert "3 on hand" in text_of(admin_client.get(page_of(mug)))
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


def test_staff_who_may_only_look_can_do_nothing_else(staff):
    mug = ProductFactory(name="Mug")
    assert staff.get(LIST).status_code == staff.get(page_of(mug)).status_code == 200
    assert staff.get(ADD).status_code == 403
    for action in ("change", "delete"):
        assert staff.post(page_of(mug, action), {"post": "yes"}).status_code == 403
    marked = {"action": "delete_selected", "_selected_action": [mug.pk], "post": "yes"}
    staff.post(LIST, marked)
    assert Product.objects.living().get().name == "Mug"


def test_fields_that_pick_a_product_offer_living_ones(admin_client):
    ProductFactory(sku="HERE")
    operations.delete_product(product_id=ProductFactory(sku="GONE").pk)
    picked = {"app_label": "inventory", "model_name": "stocklevel", "field_name": "product"}
    for term in ("", "e\x00"):
        answer = admin_client.get("/admin/autocomplete/", picked | {"term": term}).json()
        assert [row["text"].split()[0] for row in answer["results"]] in (["HERE"], [])
    assert Location.objects.exists()


# Categories


def test_categories_are_added_changed_and_deleted_by_operations(admin_client):
    send(admin_client, f"{CATEGORIES}add/", "category_form", name="Tea & coffee")
    category = Category.objects.get()
    assert category.slug == "tea-coffee"
    address = f"{CATEGORIES}{category.pk}"
    send(admin_client, f"{address}/change/", "category_form", name="Tea")
    category.refresh_from_db()
    assert (category.name, category.slug, category.version) == ("Tea", "tea-coffee", 2)
    admin_client.post(f"{address}/delete/", {"post": "yes"})
    assert not Category.objects.exists()


def test_a_category_cannot_be_put_below_itself(admin_client):
    above = CategoryFactory()
    below = CategoryFactory(parent=above)
    answer = send(
        admin_client, f"{CATEGORIES}{above.pk}/change/", "category_form", parent=below.pk
    )
    assert errors_on(answer) == {"parent": ["A category cannot be below itself."]}


def test_a_taken_slug_is_a_sentence_at_the_slug(admin_client):
    CategoryFactory(slug="cups")
    answer = send(admin_client, f"{CATEGORIES}add/", "category_form", name="Cups")
    assert errors_on(answer) == {"slug": ["This slug is taken."]}


def test_a_category_in_use_stays(admin_client):
    cups = ProductFactory(category=CategoryFactory()).category
    answer = admin_client.post(f"{CATEGORIES}{cups.pk}/delete/", {"post": "yes"}, follow=True)
    assert told(answer) == ["Move its products and sub-categories elsewhere first."]
    assert Category.objects.get() == cups


def test_the_list_of_categories_leads_to_their_products(admin_client):
    cups = CategoryFactory(parent=CategoryFactory(name="Kitchen"))
    page = text_of(admin_client.get(f"{CATEGORIES}?q={cups.slug}"))
    assert "Kitchen" in page
    assert f"{LIST}?category__id__exact={cups.pk}" in page
