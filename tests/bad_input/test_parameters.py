"""Addresses and query parameters that mean nothing, or ask for what is private."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.bad_input.wire import BY_THE_SERVER, assert_refused

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("without_effect")]

DIGITS = quote("\uff11\uff12")
UNKNOWN = "unknown_parameter"
INVALID = "invalid_parameter"

OF_PRODUCTS = [
    ("page[size]=0", INVALID, "page[size]"),
    ("page[size]=-1", INVALID, "page[size]"),
    ("page[size]=abc", INVALID, "page[size]"),
    ("page[size]=1.0", INVALID, "page[size]"),
    ("page[size]=1000000", INVALID, "page[size]"),
    ("page[size]=", INVALID, "page[size]"),
    ("page[size]=%00", INVALID, "page[size]"),
    (f"page[size]={DIGITS}", INVALID, "page[size]"),
    (f"page[number]={10**30}", INVALID, "page[number]"),
    ("page[number]=0", INVALID, "page[number]"),
    ("page[number]=1001", INVALID, "page[number]"),
    ("page[number]=1&page[after]=", INVALID, "page[after]"),
    ("page[number]=1&page[number]=2", INVALID, "page[number]"),
    ("page[after]=abc", INVALID, "page[after]"),
    ("page[after]=a:b:c", INVALID, "page[after]"),
    ("page[after]=.eJw:x", INVALID, "page[after]"),
    ("page[after]=%00", INVALID, "page[after]"),
    ("page[after]=%ff", INVALID, "page[after]"),
    ("page[]=1", UNKNOWN, "page[]"),
    ("page[size][x]=1", UNKNOWN, "page[size][x]"),
    ("page[limit]=1", UNKNOWN, "page[limit]"),
    ("page=-1", INVALID, "page"),
    ("page=2&page[number]=2", INVALID, "page"),
    ("sort=", INVALID, "sort"),
    ("sort=,", INVALID, "sort"),
    ("sort=-", INVALID, "sort"),
    ("sort=--sku", INVALID, "sort"),
    ("sort=%00", INVALID, "sort"),
    ("sort=" + ",".join(["sku", "-name"] * 200), INVALID, "sort"),
    ("page[size]=1&page[after]=&sort=" + ",".join(["price"] * 60), INVALID, "sort"),
    ("sort=deleted_at", INVALID, "sort"),
    ("sort=search", INVALID, "sort"),
    ("sort=name_order", INVALID, "sort"),
    ("sort=category__name", INVALID, "sort"),
    ("sort=?", INVALID, "sort"),
    ("include=search", INVALID, "include"),
    ("include=inventory.product", INVALID, "include"),
    ("include=%ff", INVALID, "include"),
    ("include=category,category.parent.parent.parent", INVALID, "include"),
    ("fields[products]=deleted_at", INVALID, "fields[products]"),
    ("fields[products]=search", INVALID, "fields[products]"),
    ("fields[users]=password", INVALID, "fields[users]"),
    ("fields[%ff]=x", UNKNOWN, "fields[\ufffd]"),
    ("fields=name", UNKNOWN, "fields"),
    ("filter[deleted_at]=1", UNKNOWN, "filter[deleted_at]"),
    ("filter[deleted_at__isnull]=1", UNKNOWN, "filter[deleted_at__isnull]"),
    ("filter[category__name]=x", UNKNOWN, "filter[category__name]"),
    ("filter[price__gte]=1", UNKNOWN, "filter[price__gte]"),
    ("filter[price][regex]=1", UNKNOWN, "filter[price][regex]"),
    ("filter[]=1", UNKNOWN, "filter[]"),
    ("filter[sku]=%00", INVALID, "filter[sku]"),
    ("filter[sku]=", INVALID, "filter[sku]"),
    (f"filter[price][gte]={10**30}", INVALID, "filter[price][gte]"),
    ("filter[price][gte]=1e999999999", INVALID, "filter[price][gte]"),
    ("filter[price][gte]=-1e-999999999", INVALID, "filter[price][gte]"),
    ("filter[price][gte]=NaN", INVALID, "filter[price][gte]"),
    ("filter[price][gte]=Infinity", INVALID, "filter[price][gte]"),
    ("filter[price][gte]=1_0", INVALID, "filter[price][gte]"),
    ("filter[price][gte]=" + "9" * 7_000, INVALID, "filter[price][gte]"),
    (f"filter[price][gte]={DIGITS}", INVALID, "filter[price][gte]"),
    ("filter[sku][in]=", INVALID, "filter[sku][in]"),
    ("filter[sku][in]=,", INVALID, "filter[sku][in]"),
    ("filter[sku][in]=a,%20,b", INVALID, "filter[sku][in]"),
    ("filter[sku][in]=a,%00", INVALID, "filter[sku][in]"),
    ("filter[sku][in]=" + ",".join(["a"] * 101), INVALID, "filter[sku][in]"),
    ("filter[price][in]=1,2", UNKNOWN, "filter[price][in]"),
    ("filter[sku][IN]=a", UNKNOWN, "filter[sku][IN]"),
    ("filter[category]=x", INVALID, "filter[category]"),
    ("filter[category]=%00", INVALID, "filter[category]"),
    ("filter[status]=bogus", INVALID, "filter[status]"),
    ("filter[search]=%20", INVALID, "filter[search]"),
    ("filter[search]=" + "a" * 201, INVALID, "filter[search]"),
    ("%00=1", UNKNOWN, "\u0000"),
    ("%ff=1", UNKNOWN, "\ufffd"),
    ("=", UNKNOWN, ""),
    ("%", UNKNOWN, "%"),
    ("%zz=1", UNKNOWN, "%zz"),
    ("__class__=x", UNKNOWN, "__class__"),
    ("format=json", UNKNOWN, "format"),
    ("api_key=x", UNKNOWN, "api_key"),
]


@pytest.mark.parametrize(("query", "code", "parameter"), OF_PRODUCTS)
def test_a_parameter_that_means_nothing_is_refused(shop, query, code, parameter):
    answer = shop.send("GET", f"/api/v1/products?{query}")
    assert_refused(answer, 400, f"{code} parameter:{parameter}")


ELSEWHERE = [
    ("categories?filter[parent]=x", INVALID, "filter[parent]"),
    ("categories?sort=version", INVALID, "sort"),
    ("inventory?sort=quantity", INVALID, "sort"),
    ("inventory?filter[quantity][gte]=1", UNKNOWN, "filter[quantity][gte]"),
    ("inventory/$product?include=actor", INVALID, "include"),
    ("locations?filter[is_active]=yes", INVALID, "filter[is_active]"),
    (f"stock-levels?filter[on_hand][gte]={10**30}", INVALID, "filter[on_hand][gte]"),
    (f"stock-levels?filter[available][lt]=-{10**20}", INVALID, "filter[available][lt]"),
    ("stock-levels?filter[sku][in]=" + ",".join(["a"] * 101), INVALID, "filter[sku][in]"),
    ("stock-levels?filter[low]=1", INVALID, "filter[low]"),
    ("stock-levels?filter[location]=%00", INVALID, "filter[location]"),
    ("stock-levels?filter[product__name]=x", UNKNOWN, "filter[product__name]"),
    ("stock-levels?sort=product__name", INVALID, "sort"),
    ("stock-movements?page[number]=1", UNKNOWN, "page[number]"),
    ("stock-movements?sort=created_at", INVALID, "sort"),
    ("stock-movements?filter[request_id]=x", UNKNOWN, "filter[request_id]"),
    ("stock-movements?filter[reason]=theft", INVALID, "filter[reason]"),
    ("batches?sort=quantity", INVALID, "sort"),
    ("batches?filter[eta][gte]=tomorrow", INVALID, "filter[eta][gte]"),
    ("batches?filter[eta][lte]=2026-02-30", INVALID, "filter[eta][lte]"),
    ("batches?filter[eta][gte]=99999-01-01", INVALID, "filter[eta][gte]"),
    (f"batches?filter[eta][gte]={DIGITS}-01-01", INVALID, "filter[eta][gte]"),
    ("batches?filter[status]=lost", INVALID, "filter[status]"),
    ("batches?filter[product]=x", INVALID, "filter[product]"),
    ("batches?filter[quantity][gte]=1", UNKNOWN, "filter[quantity][gte]"),
    ("batches/$batch?include=reservations", INVALID, "include"),
    ("reservations?filter[status]=kept", INVALID, "filter[status]"),
    ("reservations?filter[order_reference]=", INVALID, "filter[order_reference]"),
    ("reservations?filter[order_reference]=%00", INVALID, "filter[order_reference]"),
    ("reservations?filter[lines]=x", UNKNOWN, "filter[lines]"),
    ("reservations?include=lines", INVALID, "include"),
    ("reservations?fields[reservations]=actor", INVALID, "fields[reservations]"),
    ("reservations/$reservation?expired=1", UNKNOWN, "expired"),
    ("transfers?filter[quantity]=1", UNKNOWN, "filter[quantity]"),
    ("products/$product?page[size]=10", UNKNOWN, "page[size]"),
    ("products/$product?filter[sku]=a", UNKNOWN, "filter[sku]"),
    ("products/$product/relationships/category?include=category", INVALID, "include"),
    ("products/$product/category?sort=name", UNKNOWN, "sort"),
]


@pytest.mark.parametrize(("address", "code", "parameter"), ELSEWHERE)
def test_every_endpoint_refuses_parameters_of_others(shop, address, code, parameter):
    answer = shop.send("GET", f"/api/v1/{address}")
    assert_refused(answer, 400, f"{code} parameter:{parameter}")


NO_MOMENTS = [
    "99999-01-01",
    "2026-02-30T00:00:00Z",
    "0000-00-00",
    "infinity",
    "now",
    "2026-01-01T00:00:00%2B24:00",
    "2026-01-01T00:00:00-99:99",
    "0001-01-01T00:00:00%2B00:01",  # UTC has no year 0 and no year 10 000
    "0001-01-01T00:00:00%2B14:00",
    "0001-01-01T00:00:00%2B16:00",
    "0001-01-01T00:00:00%2B23:59",
    "9999-12-31T23:59:59-00:01",
    "9999-12-31T23:59:59-14:00",
    "9999-12-31T23:59:59-23:59",
]


@pytest.mark.parametrize("which", ["gte", "lt"])
@pytest.mark.parametrize("moment", NO_MOMENTS)
def test_a_moment_that_never_was_nor_will_be_is_refused(shop, which, moment):
    name = f"filter[created_at][{which}]"
    answer = shop.send("GET", f"/api/v1/stock-movements?{name}={moment}")
    assert_refused(answer, 400, f"invalid_parameter parameter:{name}")


@pytest.mark.parametrize("address", ["/api/v1/products", "/schema"])
def test_a_thousand_parameters_are_too_many(shop, address):
    query = "&".join(["a"] * 3_000)
    assert_refused(shop.send("GET", f"{address}?{query}"), 400, "malformed")
    assert shop.send("GET", f"{address}?{query}", headers={"Accept": "text/html"}).status == 400


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_parameters_are_checked_whatever_the_method(shop, method):
    path = "/api/v1/products" if method == "POST" else "/api/v1/products/$untouched"
    answer = shop.send(method, f"{path}?dry_run=1", {"name": "x"})
    assert_refused(answer, 400, "unknown_parameter parameter:dry_run")


MOMENTS = [
    "2026-01-01T00:00:00%2B16:00",
    "2026-01-01T00:00:00%2B23:59",
    "2026-01-01T00:00:00-23:59",
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00-23:59",
    "0001-01-02T00:00:00%2B23:59",
    "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59%2B23:59",
]
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
    "products?filter[sku][in]=" + ",".join(["%ff"] * 100),
    "inventory?filter[sku][in]=" + quote("';--,😀,ß"),
    "products?include=" + ",".join(["category"] * 500),
    "stock-levels?filter[location]=" + quote("İ" * 300),
    "stock-levels?filter[on_hand][gte]=99999999999999999",
    *(f"stock-movements?filter[created_at][gte]={moment}" for moment in MOMENTS),
    *(f"stock-movements?filter[created_at][lt]={moment}" for moment in MOMENTS),
    "batches?filter[eta][gte]=0001-01-01",
    "batches?filter[eta][lte]=9999-12-31",
    "reservations?filter[order_reference]=" + quote("'; DROP TABLE --"),
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
    assert_refused(shop.send("GET", path), 414, BY_THE_SERVER)
