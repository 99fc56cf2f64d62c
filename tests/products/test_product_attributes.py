"""One product: what its attributes can be, and how they are told (API.md §6)."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest

from common.events.models import Event as Fact
from products.models import Product
from tests.api_client import JSON
from tests.factories import CategoryFactory, ProductFactory
from tests.products.talking import MUG, PRODUCTS, create, document, listed, refused, shown

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("commits_at_once")]


def test_a_created_product_is_told_whole(client):
    category = CategoryFactory()
    attributes = {
        "sku": "mug-1",
        "name": "Mug",
        "description": "Red",
        "price": "4.5",
        "images": ["https://example.com/a.jpg"],
        "barcode": "96385074",
        "status": "draft",
    }
    linked = {"category": {"data": {"type": "categories", "id": str(category.pk)}}}
    answer = client.post(PRODUCTS, document(attributes, relationships=linked))
    assert answer.status_code == 201
    made = answer.json()
    data, url = made["data"], made["links"]["self"]
    assert list(made) == ["jsonapi", "links", "data"]
    assert made["jsonapi"] == {"version": "1.1"}
    assert data["type"] == "products"
    assert UUID(data["id"]).version == 7
    assert data["attributes"].pop("created_at") == data["attributes"].pop("updated_at")
    assert data["attributes"] == attributes | {"sku": "MUG-1", "price": "4.50", "version": 1}
    assert data["relationships"] == {
        "inventory": {
            "links": {"self": f"{url}/relationships/inventory", "related": f"{url}/inventory"}
        },
        "category": {
            "links": {"self": f"{url}/relationships/category", "related": f"{url}/category"},
            "data": {"type": "categories", "id": str(category.pk)},
        },
    }
    assert data["links"] == {"self": url}
    assert url == f"http://testserver{PRODUCTS}/{data['id']}"


def test_what_is_not_given_has_its_default(client):
    attributes = shown(create(client))
    assert attributes["sku"].startswith("P-")
    assert (attributes["images"], attributes["barcode"], attributes["status"]) == (
        [],
        None,
        "active",
    )


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata"])
def test_instants_are_utc_whatever_the_zone_of_the_back_office_is(client, settings, zone):
    settings.TIME_ZONE = zone
    product = ProductFactory()
    Product.objects.update(created_at="2026-01-31T23:59:59.123456Z")
    one = shown(client.get(f"{PRODUCTS}/{product.pk}"))
    assert one["created_at"] == "2026-01-31T23:59:59.123456Z"
    assert listed(client, "", by="created_at") == ["2026-01-31T23:59:59.123456Z"]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("4", "4.00"),
        ("4.5", "4.50"),
        ('"4.5"', "4.50"),
        ("0.01", "0.01"),
        ("99999999.99", "99999999.99"),
        ('"99999999.99"', "99999999.99"),
        ("1299.99", "1299.99"),
        ("0.1", "0.10"),
        ("8.41", "8.41"),
        ("1e2", "100.00"),
        ("1.5E1", "15.00"),
        ("70.07", "70.07"),
    ],
)
def test_a_price_is_a_number_or_a_string_and_exact(client, sent, kept):
    body = f'{{"name": "Mug", "description": "Red", "price": {sent}}}'
    assert shown(client.post(PRODUCTS, body.encode(), JSON))["price"] == kept
    assert Product.objects.get().price == Decimal(kept)


@pytest.mark.parametrize(
    "sent",
    [
        "0", "-1", "0.001", "0.004", "1.999", "100000000", "99999999.995", "1e999", "1e-999",
        "1e8", '""', '" "', '"4,50"', '"4.5 "', '"+4"', '"1e2"', '".5"', '"5."', '"\uff14"',
        '"NaN"', '"Infinity"', '"0x10"', '"1_000"', "true", "null", "[]", "{}", "[4]",
        "9" * 400, '"' + "9" * 4_000 + '"', "1." + "0" * 400,
    ],
)  # fmt: skip
def test_what_is_no_price(client, sent):
    body = f'{{"name": "Mug", "description": "Red", "price": {sent}}}'
    status, _, pointer = refused(client.post(PRODUCTS, body.encode(), JSON))
    assert (status, pointer) == (422, "/price")


@pytest.mark.parametrize(
    ("attributes", "pointer"),
    [
        ({"name": 5}, "/name"),
        ({"name": True}, "/name"),
        ({"name": None}, "/name"),
        ({"name": ["Mug"]}, "/name"),
        ({"name": {"x": 1}}, "/name"),
        ({"name": ""}, "/name"),
        ({"name": " \n\t\u3000"}, "/name"),
        ({"name": "a\u0000b"}, "/name"),
        ({"name": "a\u0007b"}, "/name"),
        ({"name": "a\u0085b"}, "/name"),
        ({"name": "a\u007fb"}, "/name"),
        ({"name": "a\rb"}, "/name"),
        ({"name": "x" * 256}, "/name"),
        ({"description": ""}, "/description"),
        ({"description": None}, "/description"),
        ({"description": 1.5}, "/description"),
        ({"sku": 5}, "/sku"),
        ({"sku": ""}, "/sku"),
        ({"sku": "a b"}, "/sku"),
        ({"sku": "x" * 65}, "/sku"),
        ({"sku": "stra\u00dfe"}, "/sku"),
        ({"barcode": 96385074}, "/barcode"),
        ({"barcode": "96385075"}, "/barcode"),
        ({"barcode": ""}, "/barcode"),
        ({"status": "bogus"}, "/status"),
        ({"status": "Active"}, "/status"),
        ({"status": None}, "/status"),
        ({"status": 1}, "/status"),
        ({"images": None}, "/images"),
        ({"images": "https://example.com/a.jpg"}, "/images"),
        ({"images": {"0": "https://example.com/a.jpg"}}, "/images"),
        ({"images": [None]}, "/images/0"),
        ({"images": [["https://example.com/a.jpg"]]}, "/images/0"),
        ({"images": ["https://example.com/a.jpg"] * 21}, "/images"),
        ({"images": ["https://example.com/a.jpg", "javascript:alert(1)"]}, "/images/1"),
        ({"images": ["https://user:pw@example.com/a.jpg"]}, "/images/0"),
        ({"category_id": 5}, "/category_id"),
        ({"category": {"id": "x"}}, "/category"),
        ({"search": "x"}, "/search"),
        ({"deleted_at": None}, "/deleted_at"),
        ({"name_order": "x"}, "/name_order"),
        ({"pk": "x"}, "/pk"),
        ({"__class__": "x"}, "/__class__"),
    ],
)
@pytest.mark.parametrize("when", ["creating", "changing"])
def test_what_an_attribute_cannot_be(client, attributes, pointer, when):
    if when == "creating":
        answer = client.post(PRODUCTS, MUG | attributes, JSON)
        assert not Product.objects.exists()
    else:
        product = ProductFactory()
        answer = client.patch(f"{PRODUCTS}/{product.pk}", attributes, JSON)
        assert Product.objects.get().version == 1
    status, _, found = refused(answer)
    assert (status, found) == (422, pointer)
    assert not Fact.objects.exists()


def test_a_new_sku_can_be_generated_and_an_old_one_not(client):
    assert shown(create(client, sku=None))["sku"].startswith("P-")
    product = ProductFactory()
    answer = client.patch(f"{PRODUCTS}/{product.pk}", {"sku": None}, JSON)
    assert refused(answer) == (422, "null", "/sku")


def test_text_is_normalised_and_trimmed(client):
    attributes = shown(create(client, name="  Cafe\u0301 ", description=" a\n\tb "))
    assert attributes["name"] == "Caf\u00e9"
    assert attributes["description"] == "a\n\tb"


@pytest.mark.parametrize("space", ["{}\n", " {}"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sku", "MUG"),
        ("barcode", "4006381333931"),
        ("images", "https://example.com/mug.jpg"),
        ("status", "draft"),
    ],
)
def test_what_has_a_form_is_not_trimmed_into_it(client, name, value, space):
    value = space.format(value)
    answer = create(client, **{name: [value] if name == "images" else value})
    assert answer.status_code == 422


def test_the_length_of_a_name_is_that_of_what_is_kept(client):
    assert len(shown(create(client, name="e\u0301" * 255))["name"]) == 255


def test_a_large_description_is_kept_whole(client):
    text = "w\u00f6rd " * 100_000
    assert shown(create(client, description=text))["description"] == text.strip()


def test_a_barcode_can_be_taken_back(client):
    product = ProductFactory(barcode="96385074")
    answer = client.patch(f"{PRODUCTS}/{product.pk}", {"barcode": None}, JSON)
    assert shown(answer)["barcode"] is None


@pytest.mark.parametrize(("attribute", "value"), [("sku", "mug"), ("barcode", "96385074")])
def test_keys_are_unique_among_living_products_and_free_after_a_deletion(client, attribute, value):
    first = create(client, **{attribute: value})
    expected = (409, "duplicate", f"/{attribute}")
    assert refused(create(client, **{attribute: value.upper()})) == expected
    other = ProductFactory()
    path = f"{PRODUCTS}/{other.pk}"
    assert refused(client.patch(path, {attribute: value}, JSON)) == expected
    client.delete(first["Location"])
    assert client.patch(path, {attribute: value}, JSON).status_code == 200
