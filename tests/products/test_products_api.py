"""/products as API.md §6 has it: attributes, relationships, filters, order, what is included."""

from __future__ import annotations

import json
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from common.events.models import Event as Fact
from products.models import Product
from tests.api_client import JSON, JSON_API
from tests.factories import CategoryFactory, ProductFactory, StockLevelFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("commits_at_once")]

PRODUCTS = "/api/v1/products"
MUG = {"name": "Mug", "description": "Red", "price": "4.00"}


def document(attributes=None, product=None, **members):
    data = {"type": "products", "attributes": attributes or {}, **members}
    return {"data": data | ({"id": str(product.pk)} if product else {})}


def create(client, **attributes):
    return client.post(PRODUCTS, MUG | attributes, JSON)


def shown(answer):
    assert answer.status_code < 300, answer.content
    return answer.json()["data"]["attributes"]


def refused(answer):
    """Status, code and place of the only error."""
    (error,) = answer.json()["errors"]
    return answer.status_code, error["code"], error.get("source", {}).get("pointer")


def listed(client, query, by="sku"):
    answer = client.get(f"{PRODUCTS}?{query}")
    assert answer.status_code == 200, answer.content
    return [one["attributes"][by] for one in answer.json()["data"]]


# One product


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
    attributes = shown(create(client, name="  Cafe\u0301 ", description=" a\n\tb ", sku=" mug "))
    assert attributes["name"] == "Caf\u00e9"
    assert attributes["description"] == "a\n\tb"
    assert attributes["sku"] == "MUG"


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


# Changing and deleting


def test_what_is_not_sent_is_not_changed(client):
    product = ProductFactory(barcode="96385074", images=["https://example.com/a.jpg"])
    before = shown(client.get(f"{PRODUCTS}/{product.pk}"))
    answer = client.patch(f"{PRODUCTS}/{product.pk}", document({"name": "Cup"}, product))
    after = shown(answer)
    assert {name for name in after if after[name] != before[name]} == {
        "name",
        "version",
        "updated_at",
    }
    assert shown(client.get(f"{PRODUCTS}/{product.pk}")) == after


@pytest.mark.parametrize("body", [{}, {"attributes": {}}, {"relationships": {}}])
def test_a_document_that_says_nothing_changes_nothing(client, body):
    product = ProductFactory()
    answer = client.patch(
        f"{PRODUCTS}/{product.pk}", {"data": {"type": "products", "id": str(product.pk), **body}}
    )
    assert shown(answer)["version"] == 1
    assert not Fact.objects.exists()


@pytest.mark.parametrize("form", ["document", "plain"])
@pytest.mark.parametrize("query", ["", "?include=category,inventory"])
def test_a_product_that_was_fetched_can_be_sent_back(client, form, query):
    level = StockLevelFactory(product=ProductFactory(category=CategoryFactory()), on_hand=3)
    path = f"{PRODUCTS}/{level.product_id}"
    fetched = client.get(path + query).json()
    if form == "plain":
        answer = client.patch(path, fetched["data"]["attributes"], JSON)
    else:
        answer = client.patch(path, fetched)
    assert shown(answer) == fetched["data"]["attributes"]
    assert not Fact.objects.filter(subject_type="products").exists()
    fetched["data"]["attributes"]["name"] = "Cup"
    assert shown(client.patch(path, fetched))["name"] == "Cup"


def test_attributes_that_the_server_keeps_are_ignored(client):
    kept = {
        "created_at": "2000-01-01T00:00:00Z",
        "updated_at": 5,
        "version": 99,
        "inventory": "whatever",
    }
    attributes = shown(create(client, **kept))
    assert attributes["version"] == 1
    assert attributes["created_at"] > "2026"


def test_undefined_members_and_at_members_are_ignored(client):
    body = document(MUG | {"@type": "x"}, **{"@id": "y", "unknown": 1, "meta": {}, "links": {}})
    body |= {"unknown": [], "meta": {}, "included": [], "jsonapi": {"ext": ["x"]}, "@context": 1}
    assert client.post(PRODUCTS, body).status_code == 201


def test_a_new_product_may_have_a_local_id(client):
    assert client.post(PRODUCTS, document(MUG, lid="local-1")).status_code == 201


def test_a_deleted_product_is_gone_for_clients_and_kept_for_staff(client):
    product = ProductFactory()
    path = f"{PRODUCTS}/{product.pk}"
    assert client.get(path).status_code == 200
    answer = client.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert "Content-Type" not in answer
    for tail in ("", "/category", "/inventory", "/relationships/category"):
        assert client.get(path + tail).status_code == 404
    assert client.patch(path, {"name": "Cup"}, JSON).status_code == 404
    assert client.delete(path).status_code == 404
    assert listed(client, "") == []
    assert Product.objects.get().deleted_at is not None


def test_a_deletion_may_carry_a_body(client):
    path = f"{PRODUCTS}/{ProductFactory().pk}"
    answer = client.generic("DELETE", path, b'{"data": null}', JSON_API)
    assert (answer.status_code, answer.content) == (204, b"")


def test_every_change_over_http_is_told_once_with_its_request(client):
    headers = {"X-Request-ID": "request-1"}
    made = client.post(PRODUCTS, MUG, JSON, headers=headers)
    path = made["Location"]
    client.patch(path, {"name": "Cup"}, JSON, headers={"X-Request-ID": "request-2"})
    client.patch(path, {"name": "Cup"}, JSON, headers={"X-Request-ID": "request-2b"})
    client.patch(path, {"name": ""}, JSON, headers={"X-Request-ID": "request-2c"})
    client.delete(path, headers={"X-Request-ID": "request-3"})
    told = Fact.objects.order_by("pk").values_list("type", "request_id", "actor")
    assert list(told) == [
        ("product.created", "request-1", "tester"),
        ("product.updated", "request-2", "tester"),
        ("product.deleted", "request-3", "tester"),
    ]


# Relationships


def test_a_category_is_given_changed_and_taken_by_relationship(client):
    product, one, two = ProductFactory(), CategoryFactory(), CategoryFactory()
    path = f"{PRODUCTS}/{product.pk}"
    for category in (one, two, None):
        linkage = category and {"type": "categories", "id": str(category.pk)}
        body = document(product=product, relationships={"category": {"data": linkage}})
        answer = client.patch(path, body)
        assert answer.json()["data"]["relationships"]["category"]["data"] == linkage
        product.refresh_from_db()
        assert product.category == category


@pytest.mark.parametrize("name", ["category", "category_id"])
@pytest.mark.parametrize("form", ["document", "plain"])
def test_a_category_is_also_named_by_its_id(client, name, form):
    category = CategoryFactory()
    for value in (str(category.pk), None):
        attributes = MUG | {name: value}
        body = document(attributes) if form == "document" else attributes
        answer = client.post(PRODUCTS, body, JSON_API if form == "document" else JSON)
        data = answer.json()["data"]["relationships"]["category"]["data"]
        assert (data and data["id"]) == value


def test_the_linkage_of_a_category_has_an_address(client):
    product, category = ProductFactory(), CategoryFactory()
    path = f"{PRODUCTS}/{product.pk}/relationships/category"
    linkage = {"type": "categories", "id": str(category.pk)}
    links = {
        "self": f"http://testserver{path}",
        "related": f"http://testserver{PRODUCTS}/{product.pk}/category",
    }
    assert client.get(path).json() == {
        "jsonapi": {"version": "1.1"},
        "links": links,
        "data": None,
    }
    for data in (linkage, linkage, None, None):
        answer = client.patch(path, {"data": data})
        assert answer.status_code == 200
        assert answer.json()["data"] == data
        assert answer.json()["links"] == links
        assert client.get(path).json()["data"] == data
    assert len(Fact.objects.filter(type="product.updated")) == 2


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"data": {"type": "products", "id": str(uuid4())}}, (409, "type_conflict", "/data/type")),
        ({"data": {"type": "categories", "id": "x"}}, (404, "not_found", "/data/id")),
        ({"data": {"type": "categories", "id": str(uuid4())}}, (404, "not_found", "/data")),
        ({"data": []}, (400, "malformed", "/data")),
        ({"data": [{"type": "categories", "id": str(uuid4())}]}, (400, "malformed", "/data")),
        ({"data": "x"}, (400, "malformed", "/data")),
        ({"data": {}}, (400, "malformed", "/data")),
        ({"data": {"type": "categories", "id": 5}}, (400, "malformed", "/data/id")),
        ({}, (400, "malformed", "")),
        ([], (400, "malformed", "")),
    ],
)
def test_linkage_that_cannot_be_set_is_pointed_at(client, body, refusal):
    path = f"{PRODUCTS}/{ProductFactory().pk}/relationships/category"
    assert refused(client.patch(path, json.dumps(body).encode())) == refusal


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize("name", ["category", "inventory"])
def test_nothing_is_added_to_or_taken_from_a_to_one_relationship(client, method, name):
    path = f"{PRODUCTS}/{ProductFactory().pk}/relationships/{name}"
    answer = client.generic(method, path, b'{"data": []}', JSON_API)
    assert refused(answer) == (403, "read_only", None)


def test_the_inventory_of_a_product_cannot_be_set(client):
    product = StockLevelFactory(on_hand=3).product
    path = f"{PRODUCTS}/{product.pk}"
    own = {"type": "inventory", "id": str(product.pk)}
    answer = client.patch(f"{path}/relationships/inventory", {"data": own})
    assert refused(answer) == (403, "read_only", None)
    pointer = "/data/relationships/inventory"
    for linkage in (None, {"type": "inventory", "id": str(uuid4())}):
        body = document(product=product, relationships={"inventory": {"data": linkage}})
        assert refused(client.patch(path, body)) == (403, "read_only", pointer)
    body = document(product=product, relationships={"inventory": {"data": own}})
    answer = client.patch(path, body)
    assert answer.status_code == 200
    assert "data" not in answer.json()["data"]["relationships"]["inventory"]


@pytest.mark.parametrize("linkage", [{"data": None}, {"links": {}}, {"meta": {}}])
def test_an_empty_inventory_may_be_sent_with_a_product_that_has_none(client, linkage):
    product = ProductFactory()
    body = document({"name": "Cup"}, product, relationships={"inventory": linkage})
    assert client.patch(f"{PRODUCTS}/{product.pk}", body).status_code == 200
    made = client.post(PRODUCTS, document(MUG, relationships={"inventory": {"data": None}}))
    assert made.status_code == 201


def test_what_a_product_is_related_to_has_an_address(client):
    category = CategoryFactory(name="Mugs")
    bare, full = ProductFactory(), StockLevelFactory(product__category=category, on_hand=3).product
    for name in ("category", "inventory"):
        path = f"{PRODUCTS}/{bare.pk}/{name}"
        assert client.get(path).json() == {
            "jsonapi": {"version": "1.1"},
            "links": {"self": f"http://testserver{path}"},
            "data": None,
        }
    found = client.get(f"{PRODUCTS}/{full.pk}/category").json()["data"]
    assert found == client.get(f"/api/v1/categories/{category.pk}").json()["data"]
    found = client.get(f"{PRODUCTS}/{full.pk}/inventory").json()["data"]
    assert found == client.get(f"/api/v1/inventory/{full.pk}").json()["data"]
    linkage = client.get(f"{PRODUCTS}/{full.pk}/relationships/inventory").json()["data"]
    assert linkage == {"type": "inventory", "id": str(full.pk)}


# Included


def included(client, query):
    answer = client.get(f"{PRODUCTS}?{query}")
    assert answer.status_code == 200
    document = answer.json()
    found = [(one["type"], one["id"]) for one in document["included"]]
    assert len(found) == len(set(found))
    assert found == sorted(found)
    return document, found


def test_what_is_included_is_there_once_and_linked(client):
    top = CategoryFactory()
    category = CategoryFactory(parent=top)
    ProductFactory(category=category)
    ProductFactory(category=category)
    ProductFactory()
    stocked = StockLevelFactory(product__category=top, on_hand=3).product
    document, found = included(client, "include=category")
    assert found == sorted([("categories", str(category.pk)), ("categories", str(top.pk))])
    _, found = included(client, "include=category.parent")
    assert found == sorted([("categories", str(category.pk)), ("categories", str(top.pk))])
    document, found = included(client, "include=inventory")
    assert found == [("inventory", str(stocked.pk))]
    linkage = {one["id"]: one["relationships"]["inventory"]["data"] for one in document["data"]}
    assert linkage.pop(str(stocked.pk)) == {"type": "inventory", "id": str(stocked.pk)}
    assert set(linkage.values()) == {None}
    _, found = included(client, "include=category,inventory")
    assert len(found) == 3


def test_nothing_is_included_unasked(client):
    ProductFactory(category=CategoryFactory())
    assert "included" not in client.get(PRODUCTS).json()
    assert client.get(f"{PRODUCTS}?include=").json()["included"] == []
    product = ProductFactory()
    assert client.get(f"{PRODUCTS}/{product.pk}?include=category").json()["included"] == []
    assert client.get(f"{PRODUCTS}/{product.pk}?include=").json()["included"] == []


@pytest.mark.parametrize(
    "query", ["", "include=category", "include=category.parent", "include=inventory,category"]
)
@pytest.mark.parametrize("page", ["page[after]=&page[size]=50", "page[size]=50"])
def test_a_page_costs_the_same_queries_however_many_rows_it_has(
    client, django_assert_num_queries, query, page
):
    def fill(number):
        for _ in range(number):
            category = CategoryFactory(parent=CategoryFactory())
            StockLevelFactory(product=ProductFactory(category=category), on_hand=1)

    client.get(PRODUCTS)  # the key is known from here on
    for number in (5, 20):
        fill(number)
        with django_assert_num_queries(2 if "inventory" in query else 1):
            assert client.get(f"{PRODUCTS}?{query}&{page}").status_code == 200


# Filters and order


def test_products_are_filtered_by_what_they_are(client):
    category = CategoryFactory()
    ProductFactory(sku="A", price=Decimal("10"), category=category, status="draft")
    ProductFactory(sku="B", price=Decimal("20"), barcode="96385074")
    ProductFactory(sku="C", price=Decimal("30"), category=category)
    for query, expected in {
        "filter[sku]=a": "A",
        "filter[sku]=A": "A",
        "filter[sku]=D": "",
        "filter[barcode]=96385074": "B",
        f"filter[category]={category.pk}": "AC",
        f"filter[category]={str(category.pk).upper()}": "AC",
        f"filter[category]={uuid4()}": "",
        "filter[status]=draft": "A",
        "filter[status]=archived": "",
        "filter[price][gte]=20": "BC",
        "filter[price][gt]=20": "C",
        "filter[price][lte]=20.00": "AB",
        "filter[price][lt]=20": "A",
        "filter[price][gt]=10&filter[price][lt]=30": "B",
        "filter[price][gt]=19.995": "BC",
        f"filter[category]={category.pk}&filter[status]=active": "C",
    }.items():
        assert "".join(listed(client, f"{query}&sort=sku")) == expected, query


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("name", "ABC"),
        ("price", "CAB"),
        ("sku", "ABC"),
        ("created_at", "BCA"),
        ("updated_at", "CBA"),
    ],
)
def test_products_are_put_in_order(client, name, order):
    days = {"A": ("03", "03"), "B": ("01", "02"), "C": ("02", "01")}
    for sku, price, name_of_it in (
        ("A", 20, "apple"),
        ("B", 30, "\u00c1rbol"),
        ("C", 10, "Banana"),
    ):
        ProductFactory(sku=sku, price=Decimal(price), name=name_of_it)
        created, updated = days[sku]
        Product.objects.filter(sku=sku).update(
            created_at=f"2026-01-{created}T00:00Z", updated_at=f"2026-01-{updated}T00:00Z"
        )
    assert "".join(listed(client, f"sort={name}")) == order
    assert "".join(listed(client, f"sort=-{name}")) == order[::-1]


def test_names_are_in_the_order_that_people_expect(client):
    for name in (
        "zebra",
        "\u00c9clair",
        "Apple",
        "eagle",
        "apricot",
        "\u00c4pfel",
        "Zoo",
        "1 apple",
    ):
        ProductFactory(name=name)
    assert listed(client, "sort=name", by="name") == [
        "1 apple",
        "\u00c4pfel",
        "Apple",
        "apricot",
        "eagle",
        "\u00c9clair",
        "zebra",
        "Zoo",
    ]


def test_equal_values_are_in_the_order_of_their_ids_in_the_direction_asked(client):
    for _ in range(5):
        ProductFactory(price=Decimal("5"))
    ids = [str(pk) for pk in Product.objects.order_by("pk").values_list("pk", flat=True)]
    for query, expected in (("sort=price", ids), ("sort=-price", ids[::-1])):
        found = [one["id"] for one in client.get(f"{PRODUCTS}?{query}").json()["data"]]
        assert found == expected
