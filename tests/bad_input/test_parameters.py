"""Addresses and query parameters that mean nothing, or ask for what is private."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.bad_input.wire import assert_refused

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("without_effect")]

DIGITS = quote("\uff11\uff12")
UNKNOWN = "unknown_parameter"
INVALID = "invalid_parameter"

OF_PRODUCTS = [
    ("page[size]=0", INVALID),
    ("page[size]=-1", INVALID),
    ("page[size]=abc", INVALID),
    ("page[size]=1.0", INVALID),
    ("page[size]=1000000", INVALID),
    ("page[size]=", INVALID),
    ("page[size]=%00", INVALID),
    (f"page[size]={DIGITS}", INVALID),
    (f"page[number]={10**30}", INVALID),
    ("page[number]=0", INVALID),
    ("page[number]=1001", INVALID),
    ("page[number]=1&page[after]=", INVALID),
    ("page[number]=1&page[number]=2", INVALID),
    ("page[after]=abc", INVALID),
    ("page[after]=a:b:c", INVALID),
    ("page[after]=.eJw:x", INVALID),
    ("page[after]=%00", INVALID),
    ("page[after]=%ff", INVALID),
    ("page[]=1", UNKNOWN),
    ("page[size][x]=1", UNKNOWN),
    ("page[limit]=1", UNKNOWN),
    ("page=-1", INVALID),
    ("page=2&page[number]=2", INVALID),
    ("sort=", INVALID),
    ("sort=,", INVALID),
    ("sort=-", INVALID),
    ("sort=--sku", INVALID),
    ("sort=%00", INVALID),
    ("sort=" + ",".join(["sku", "-name"] * 200), INVALID),
    ("page[size]=1&page[after]=&sort=" + ",".join(["price"] * 60), INVALID),
    ("sort=deleted_at", INVALID),
    ("sort=search", INVALID),
    ("sort=name_order", INVALID),
    ("sort=category__name", INVALID),
    ("sort=?", INVALID),
    ("include=search", INVALID),
    ("include=inventory.product", INVALID),
    ("include=%ff", INVALID),
    ("include=category,category.parent.parent.parent", INVALID),
    ("fields[products]=deleted_at", INVALID),
    ("fields[products]=search", INVALID),
    ("fields[users]=password", INVALID),
    ("fields[%ff]=x", UNKNOWN),
    ("fields=name", UNKNOWN),
    ("filter[deleted_at]=1", UNKNOWN),
    ("filter[deleted_at__isnull]=1", UNKNOWN),
    ("filter[category__name]=x", UNKNOWN),
    ("filter[price__gte]=1", UNKNOWN),
    ("filter[price][regex]=1", UNKNOWN),
    ("filter[]=1", UNKNOWN),
    ("filter[sku]=%00", INVALID),
    ("filter[sku]=", INVALID),
    (f"filter[price][gte]={10**30}", INVALID),
    ("filter[price][gte]=1e999999999", INVALID),
    ("filter[price][gte]=-1e-999999999", INVALID),
    ("filter[price][gte]=NaN", INVALID),
    ("filter[price][gte]=Infinity", INVALID),
    ("filter[price][gte]=1_0", INVALID),
    ("filter[price][gte]=" + "9" * 7_000, INVALID),
    (f"filter[price][gte]={DIGITS}", INVALID),
    ("filter[category]=x", INVALID),
    ("filter[category]=%00", INVALID),
    ("filter[status]=bogus", INVALID),
    ("filter[search]=%20", INVALID),
    ("filter[search]=" + "a" * 201, INVALID),
    ("%00=1", UNKNOWN),
    ("%ff=1", UNKNOWN),
    ("=", UNKNOWN),
    ("%", UNKNOWN),
    ("%zz=1", UNKNOWN),
    ("__class__=x", UNKNOWN),
    ("format=json", UNKNOWN),
    ("api_key=x", UNKNOWN),
]


@pytest.mark.parametrize(("query", "code"), OF_PRODUCTS)
def test_a_parameter_that_means_nothing_is_refused(shop, query, code):
    assert_refused(shop.send("GET", f"/api/v1/products?{query}"), 400, code)


ELSEWHERE = [
    ("categories?filter[parent]=x", INVALID),
    ("categories?sort=version", INVALID),
    ("inventory?sort=quantity", INVALID),
    ("inventory?filter[quantity][gte]=1", UNKNOWN),
    ("inventory/$product?include=actor", INVALID),
    ("locations?filter[is_active]=yes", INVALID),
    (f"stock-levels?filter[on_hand][gte]={10**30}", INVALID),
    (f"stock-levels?filter[available][lt]=-{10**20}", INVALID),
    ("stock-levels?filter[low]=1", INVALID),
    ("stock-levels?filter[location]=%00", INVALID),
    ("stock-levels?filter[product__name]=x", UNKNOWN),
    ("stock-levels?sort=product__name", INVALID),
    ("stock-movements?page[number]=1", UNKNOWN),
    ("stock-movements?sort=created_at", INVALID),
    ("stock-movements?filter[request_id]=x", UNKNOWN),
    ("stock-movements?filter[reason]=theft", INVALID),
    ("stock-movements?filter[created_at][gte]=99999-01-01", INVALID),
    ("stock-movements?filter[created_at][gte]=2026-02-30T00:00:00Z", INVALID),
    ("stock-movements?filter[created_at][gte]=0000-00-00", INVALID),
    ("stock-movements?filter[created_at][gte]=2026-01-01T00:00:00%2B99:99", INVALID),
    ("stock-movements?filter[created_at][gte]=infinity", INVALID),
    ("stock-movements?filter[created_at][gte]=now", INVALID),
    ("transfers?filter[quantity]=1", UNKNOWN),
    ("products/$product?page[size]=10", UNKNOWN),
    ("products/$product?filter[sku]=a", UNKNOWN),
    ("products/$product/relationships/category?include=category", INVALID),
    ("products/$product/category?sort=name", UNKNOWN),
]


@pytest.mark.parametrize(("address", "code"), ELSEWHERE)
def test_every_endpoint_refuses_parameters_of_others(shop, address, code):
    assert_refused(shop.send("GET", f"/api/v1/{address}"), 400, code)


@pytest.mark.parametrize("accept", ["application/vnd.api+json", "text/html"])
def test_a_thousand_parameters_are_too_many(shop, accept):
    query = "&".join(["a"] * 3_000)
    for address in ("/api/v1/products", "/schema"):
        assert shop.send("GET", f"{address}?{query}", headers={"Accept": accept}).status == 400


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_parameters_are_checked_whatever_the_method(shop, method):
    path = "/api/v1/products" if method == "POST" else "/api/v1/products/$untouched"
    answer = shop.send(method, f"{path}?dry_run=1", {"name": "x"})
    assert_refused(answer, 400, UNKNOWN)


STRANGE_BUT_WELL_FORMED = [
    "products?",
    "products?&&&",
    "products?filter[sku]=%ff",
    "products?filter[search]=" + quote("'; DROP TABLE products_product; --"),
    "products?filter[search]=" + quote("a & !b | (c <-> d):* \\ '"),
    "products?filter[search]=" + quote("\uff06\uff01\uff5c\uff08\uff1c\uff1a\uff0a\uff3c\uff07"),
    "products?filter[search]=" + quote("a\u00a0b\u2003c\u2028d\ufeffe"),
    "products?filter[search]=" + quote("شمسية 😀 ﷽ ㎮"),
    "products?filter[search]=a%0A!",
    "products?filter[search]=%09!%0Ab",
    "products?filter[search]=" + "a" * 200,
    "products?include=" + ",".join(["category"] * 500),
    "stock-levels?filter[location]=" + quote("İ" * 300),
    "stock-levels?filter[on_hand][gte]=99999999999999999",
    "stock-movements?filter[created_at][gte]=0001-01-01T00:00:00%2B14:00",
    "stock-movements?filter[created_at][lt]=9999-12-31T23:59:59-14:00",
]


@pytest.mark.parametrize("address", STRANGE_BUT_WELL_FORMED)
def test_what_is_strange_but_well_formed_is_answered(shop, address):
    answer = shop.send("GET", f"/api/v1/{address}")
    assert answer.status == 200, answer
    assert isinstance(answer.document["data"], list)


NOWHERE = [
    "/%00",
    "/%ff",
    "/%2e%2e/%2e%2e/etc/passwd",
    "//evil.example/",
    "/nothing",
    "/api",
    "/api/v1",
    "/api/v2/products",
    "/api/v1/PRODUCTS",
    "/api/v1/products;x=1",
    "/api/v1/products/1",
    "/api/v1/products/%00",
    "/api/v1/products/%ff",
    "/api/v1/products/$product%00",
    "/api/v1/products/$product%0d%0aX-Injected:%201",
    "/api/v1/products/$product//",
    "/api/v1/products/$product/../$product",
    "/api/v1/products/$category",
    "/api/v1/products/" + "0" * 36,
    "/api/v1/products/"
    + quote("\uff11" * 8 + "-" + "-".join(["\uff11" * 4] * 3) + "-" + "\uff11" * 12),
    "/api/v1/products/$product/search",
    "/api/v1/products/$product/relationships",
    "/api/v1/products/$product/relationships/deleted_at",
    "/api/v1/inventory/$untouched",
    "/api/v1/inventory/x",
    "/api/v1/stock-movements/$movement/undo",
    "/static/%00",
    "/static/../config/settings.py",
    "/static/%2e%2e/%2e%2e/manage.py",
    "/docs%00",
    "/schema/x",
    "/health/%2e%2e",
]


@pytest.mark.parametrize("path", NOWHERE)
def test_where_nothing_is_nothing_is_found(shop, path):
    assert_refused(shop.send("GET", path), 404, "not_found")


@pytest.mark.parametrize("path", ["/" + "a" * 9_000, "/api/v1/products?" + "a" * 9_000])
def test_an_address_of_nine_kilobytes_is_too_long(shop, path):
    assert shop.send("GET", path).status == 414
