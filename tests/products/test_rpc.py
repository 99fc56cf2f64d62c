"""The catalogue over gRPC, on a real port."""

import json
from datetime import UTC

import grpc
import pytest

from common.ids import new_id
from products import cache, operations
from products.rpc.proto import products_pb2
from tests.factories import CategoryFactory, ProductFactory

pytestmark = pytest.mark.django_db

PACKAGES = ["products", "products.v1"]
IMAGES = ["https://example.com/1.jpg", "https://example.com/2.jpg"]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_product_is_told_with_the_values_of_the_api(rpc, client, package):
    product = ProductFactory(price="1299.50", images=IMAGES)
    attributes = client.get(f"/api/v1/products/{product.pk}").json()["data"]["attributes"]
    told = rpc(package, "GetProduct", product_id=str(product.pk)).product
    assert (told.id, told.price, list(told.images)) == (str(product.pk), "1299.50", IMAGES)
    for name in ("name", "description", "price", "created_at", "updated_at"):
        assert getattr(told, name) == attributes[name]
    assert told.created_at.endswith("Z")


def test_times_are_in_utc_whatever_the_time_zone_of_the_admin(rpc, settings):
    settings.TIME_ZONE = "Asia/Tokyo"
    product = ProductFactory()
    told = rpc("products", "ListProducts").products[0].created_at
    assert told == product.created_at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def test_the_new_contract_tells_more(rpc):
    product = ProductFactory(barcode="4006381333931", category=CategoryFactory())
    told = rpc("products.v1", "GetProduct", product_id=str(product.pk)).product
    assert (told.sku, told.barcode, told.status) == (product.sku, "4006381333931", "active")
    assert (told.category_id, told.version) == (str(product.category_id), 1)
    plain = rpc("products.v1", "GetProduct", product_id=str(ProductFactory().pk)).product
    assert not plain.HasField("barcode")
    assert not plain.HasField("category_id")


def test_the_former_contract_has_its_numbers_on_the_wire(rpc):
    """By hand, as no generated code of ours would have it: field 1 of the answer is a product."""
    product = ProductFactory(images=IMAGES)
    asked = b"\x0a\x24" + str(product.pk).encode()
    answer = rpc.send("products", "GetProduct", asked)
    assert answer[0] == 0x0A  # field 1, with a length
    fields = _texts(answer[3:] if answer[1] & 0x80 else answer[2:])
    assert fields[1] == [str(product.pk)]
    assert fields[2:6] == [[product.name], [product.description], ["19.99"], IMAGES]
    assert fields[6][0].endswith("Z")
    assert fields[7][0].endswith("Z")


def _texts(message):
    """The texts of a message by the numbers of their fields."""
    found = [[] for _ in range(8)]
    while message:
        number, size, start = message[0] >> 3, message[1], 2
        if size & 0x80:
            size, start = (size & 0x7F) | message[2] << 7, 3
        found[number].append(message[start : start + size].decode())
        message = message[start + size :]
    return found


def test_the_former_contract_is_as_it_was():
    described = {
        message.name: {field.name: field.number for field in message.fields}
        for message in products_pb2.DESCRIPTOR.message_types_by_name.values()
    }
    product = ["id", "name", "description", "price", "images", "created_at", "updated_at"]
    assert described == {
        "Product": {name: number for number, name in enumerate(product, 1)},
        "GetProductRequest": {"product_id": 1},
        "GetProductResponse": {"product": 1},
        "ProductExistsRequest": {"product_id": 1},
        "ProductExistsResponse": {"exists": 1, "product": 2},
        "ListProductsRequest": {"page": 1, "size": 2},
        "ListProductsResponse": {"products": 1, "total": 2, "page": 3, "size": 4},
    }


@pytest.mark.parametrize("package", PACKAGES)
def test_a_product_that_does_not_exist_is_not_found(rpc, package):
    refused = rpc.refused(package, "GetProduct", product_id=str(new_id()))
    assert (refused.code, refused.reasons) == ("NOT_FOUND", ["not_found"])


@pytest.mark.parametrize("product_id", ["", "1", "not-a-uuid", "\x00", "0" * 4000, "İ" * 36])
@pytest.mark.parametrize("method", ["GetProduct", "ProductExists"])
def test_what_is_no_id_is_invalid(rpc, method, product_id):
    refused = rpc.refused("products", method, product_id=product_id)
    assert refused.code == "INVALID_ARGUMENT"
    assert refused.details["BadRequest"][0].field_violations[0].field == "product_id"


@pytest.mark.parametrize("package", PACKAGES)
def test_whether_a_product_exists_is_an_answer(rpc, package):
    product = ProductFactory()
    found = rpc(package, "ProductExists", product_id=str(product.pk).upper())
    assert (found.exists, found.product.name) == (True, product.name)
    missing = rpc(package, "ProductExists", product_id=str(new_id()))
    assert not missing.exists
    assert not missing.HasField("product")


@pytest.mark.parametrize("package", PACKAGES)
def test_products_come_in_pages_in_the_order_in_which_they_were_made(rpc, package):
    products = ProductFactory.create_batch(12)
    first = rpc(package, "ListProducts")
    assert [one.id for one in first.products] == [str(one.pk) for one in products[:10]]
    assert (first.total, first.page, first.size) == (12, 1, 10)
    second = rpc(package, "ListProducts", page=2, size=5)
    assert [one.id for one in second.products] == [str(one.pk) for one in products[5:10]]
    assert (second.total, second.page, second.size) == (12, 2, 5)
    past = rpc(package, "ListProducts", page=9, size=100)
    assert (list(past.products), past.total, past.page) == ([], 12, 9)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [({"page": -1}, "page"), ({"page": 2**31 - 1}, "page"), ({"size": -1}, "size"),
     ({"size": 101}, "size")],
)  # fmt: skip
def test_a_page_out_of_bounds_is_invalid(rpc, fields, wrong):
    refused = rpc.refused("products", "ListProducts", **fields)
    assert refused.code == "INVALID_ARGUMENT"
    assert refused.details["BadRequest"][0].field_violations[0].field == wrong


def test_a_deleted_product_is_not_told_of(rpc):
    product = ProductFactory()
    operations.delete_product(product_id=product.pk)
    assert rpc.refused("products", "GetProduct", product_id=str(product.pk)).code == "NOT_FOUND"
    assert rpc("products", "ListProducts").total == 0


def test_a_page_costs_the_same_queries_however_many_products(rpc, django_assert_num_queries):
    ProductFactory.create_batch(3)
    rpc("products", "ListProducts")
    with django_assert_num_queries(1):
        rpc("products", "ListProducts")
    ProductFactory.create_batch(30, category=CategoryFactory())
    with django_assert_num_queries(3):  # the page, the planner's estimate, and a count
        rpc("products", "ListProducts", size=20)


def test_the_cache_is_the_one_of_the_api(rpc, client, django_assert_num_queries):
    product = ProductFactory()
    client.get(f"/api/v1/products/{product.pk}")
    rpc("products", "ListProducts")  # the key is known from here on
    with django_assert_num_queries(0):
        assert rpc("products", "GetProduct", product_id=str(product.pk)).product.id
    other = ProductFactory()
    rpc("products", "GetProduct", product_id=str(other.pk))
    assert json.loads(cache.get(other.pk).body)["data"]["id"] == str(other.pk)


def test_a_change_is_told_at_once(rpc, commits_at_once):
    product = ProductFactory()
    rpc("products", "GetProduct", product_id=str(product.pk))
    operations.change_product(product_id=product.pk, changes={"name": "Another name"})
    told = rpc("products", "GetProduct", product_id=str(product.pk)).product
    assert told.name == "Another name"


def test_without_redis_products_come_from_the_database(rpc, monkeypatch):
    from common import redis

    product = ProductFactory()
    monkeypatch.setattr(redis._line, "is_down", True)
    for _ in range(2):
        assert rpc("products", "GetProduct", product_id=str(product.pk)).product.id
    assert rpc.trailing["x-request-id"]


def test_bytes_that_are_no_message_are_invalid(rpc):
    for sent in (b"\x0a\xff", b"\x0a\x02\xff\xfe", b"\xff" * 100):
        with pytest.raises(grpc.RpcError) as raised:
            rpc.send("products", "GetProduct", sent)
        assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
