"""Bodies that are no JSON, no document, or hold what cannot be meant."""

from __future__ import annotations

import pytest

from tests.bad_input.wire import JSON, JSONAPI, assert_refused

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("without_effect")]

PRODUCTS = "/api/v1/products"
GOOD = {"name": "Lamp", "description": "Bright", "price": 9.9}

NO_JSON = {
    "nothing": b"",
    "white space": b" \n ",
    "a zero byte": b"\x00",
    "a control character": b'{"name": "a\x01b"}',
    "a comma too many": b'{"name": "a",}',
    "single quotes": b"{'name': 'a'}",
    "a comment": b'{"name": "a"} // b',
    "two values": b"{}{}",
    "cut off": b'{"name": "a"',
    "invalid UTF-8": b'{"name": "\xff\xfe"}',
    "overlong UTF-8": b'{"name": "\xc0\x80"}',
    "a surrogate in UTF-8": b'{"name": "\xed\xa0\x80"}',
    "an escaped lone surrogate": rb'{"name": "\ud800"}',
    "an escaped lone surrogate as a name": rb'{"\udfff": 1}',
    "a byte order mark": b'\xef\xbb\xbf{"name": "a"}',
    "UTF-16": '{"name": "a"}'.encode("utf-16"),
    "UTF-32": '{"name": "a"}'.encode("utf-32"),
    "100 000 arrays": b"[" * 100_000,
    "100 000 closed arrays": b"[" * 100_000 + b"]" * 100_000,
    "100 000 objects": b'{"a":' * 100_000,
    "40 levels": b'{"name":' + b"[" * 40 + b"]" * 40 + b"}",
    "5 000 digits": b'{"price": ' + b"9" * 5_000 + b"}",
    "NaN": b'{"price": NaN}',
    "Infinity": b'{"price": Infinity}',
    "minus Infinity": b'{"price": -Infinity}',
    "an exponent without end": b'{"price": 1e99999999999999999999}',
    "a hexadecimal number": b'{"price": 0x10}',
    "duplicate members": b'{"name": "a", "name": "b"}',
    "null": b"null",
    "a list": b"[]",
    "a string": b'"x"',
    "a number": b"5",
    "true": b"true",
    "an id": b'{"id": "x", "name": "a"}',
    "a type": b'{"type": "products", "name": "a"}',
}


@pytest.mark.parametrize("body", NO_JSON.values(), ids=NO_JSON.keys())
def test_what_is_no_json_object_is_malformed(shop, body):
    answer = shop.send("POST", PRODUCTS, body, {"Content-Type": JSON})
    assert_refused(answer, 400, "malformed")


BAD_VALUES = {
    "an escaped zero": ({"name": "a\x00b"}, "control_character"),
    "an escaped control character": ({"name": "a\x1bb"}, "control_character"),
    "a delete character": ({"description": "a\x7fb"}, "control_character"),
    "a C1 control character": ({"description": "a\x9bb"}, "control_character"),
    "white space as a name": ({"name": " \u3000"}, "blank"),
    "10 000 characters": ({"name": "a" * 10_000}, "max_length"),
    "what NFC makes longer": ({"name": "\u0958" * 255}, "max_length"),
    "a number as a name": ({"name": 5}, "invalid"),
    "an object as a name": ({"name": {}}, "invalid"),
    "1e999": ({"price": "1e999"}, "invalid"),
    "a price with a sign": ({"price": "+1"}, "invalid"),
    "a price of full-width digits": ({"price": "\uff11\uff12"}, "invalid"),
    "a price of true": ({"price": True}, "invalid"),
    "a price of 10^30": ({"price": 10**30}, "max_digits"),
    "a price below zero": ({"price": -1}, "min_value"),
    "a script as an image": ({"images": ["javascript:alert(1)"]}, "invalid"),
    "data as an image": ({"images": ["data:text/html,x"]}, "invalid"),
    "an image with a password": ({"images": ["https://me:secret@example.com/"]}, "invalid"),
    "an image with a user": ({"images": ["https://example.com@evil.example/"]}, "invalid"),
    "an image without a host": ({"images": ["https:///a.png"]}, "invalid"),
    "an image with half an address": ({"images": ["http://[::1"]}, "invalid"),
    "an image with a port too high": ({"images": ["http://example.com:99999/"]}, "invalid"),
    "an image with a line break": ({"images": ["http://example.com/\na.png"]}, "invalid"),
    "images that are a string": ({"images": "https://example.com/"}, "not_a_list"),
    "images in images": ({"images": [["https://example.com/"]]}, "invalid"),
    "21 images": ({"images": ["https://example.com/"] * 21}, "max_length"),
    "a barcode of full-width digits": (
        {"barcode": "\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff10"},
        "invalid",
    ),
    "a barcode that is a number": ({"barcode": 12345670}, "invalid"),
    "a SKU that grows when folded": ({"sku": "ß"}, "invalid"),
    "a SKU of an emoji": ({"sku": "😀"}, "invalid"),
    "an unknown status": ({"status": "bogus"}, "invalid_choice"),
    "a category that is a list": ({"category_id": []}, "invalid"),
    "a private column": ({"deleted_at": None}, "unknown_attribute"),
    "a prototype": ({"__proto__": {"price": 1}}, "unknown_attribute"),
    "a name with slashes": ({"~/a": 1}, "unknown_attribute"),
    "an empty name": ({"": 1}, "unknown_attribute"),
}


@pytest.mark.parametrize(("values", "code"), BAD_VALUES.values(), ids=BAD_VALUES.keys())
def test_a_value_that_cannot_be_meant_is_refused(shop, values, code):
    assert_refused(shop.send("POST", PRODUCTS, GOOD | values), 422, code)


@pytest.mark.parametrize("number", [b"1e999", b"1e-999", b"1e999999", b"0." + b"1" * 900_000])
def test_a_number_of_any_size_is_read_as_it_is(shop, number):
    body = b'{"name": "Lamp", "description": "Bright", "price": %s}' % number
    answer = shop.send("POST", PRODUCTS, body, {"Content-Type": JSON})
    assert (answer.status, len(answer.codes)) == (422, 1)


def document(**members):
    return {"data": {"type": "products", "attributes": GOOD, **members}}


def category(linkage):
    return document(relationships={"category": linkage})


BAD_DOCUMENTS = {
    "no data": ({}, 400, "malformed"),
    "data that is null": ({"data": None}, 400, "malformed"),
    "data that is a list": ({"data": []}, 400, "malformed"),
    "data that is a string": ({"data": "x"}, 400, "malformed"),
    "no type": ({"data": {"attributes": GOOD}}, 400, "malformed"),
    "a type that is a number": (document(type=5), 400, "malformed"),
    "another type": (document(type="categories"), 409, "type_conflict"),
    "an id": (document(id="$product"), 403, "client_id_not_supported"),
    "an id that is a number": (document(id=5), 400, "malformed"),
    "an id among the attributes": (document(attributes={**GOOD, "id": "x"}), 400, "malformed"),
    "attributes that are a list": (document(attributes=[]), 400, "malformed"),
    "attributes that are null": (document(attributes=None), 400, "malformed"),
    "relationships that are a list": (document(relationships=[]), 400, "malformed"),
    "a relationship that is null": (category(None), 400, "malformed"),
    "a relationship that is empty": (category({}), 400, "malformed"),
    "a relationship that is a string": (category("x"), 400, "malformed"),
    "linkage that is a string": (category({"data": "x"}), 400, "malformed"),
    "linkage that is a number": (category({"data": 5}), 400, "malformed"),
    "linkage to many": (category({"data": []}), 400, "malformed"),
    "identifiers that are numbers": (category({"data": [5]}), 400, "malformed"),
    "an identifier without id": (category({"data": {"type": "categories"}}), 400, "malformed"),
    "an identifier that is empty": (category({"data": {}}), 400, "malformed"),
    "an identifier with a number as id": (
        category({"data": {"type": "categories", "id": 1}}), 400, "malformed",
    ),
    "an identifier of another type": (
        category({"data": {"type": "products", "id": "$product"}}), 409, "type_conflict",
    ),
    "an identifier that is no UUID": (
        category({"data": {"type": "categories", "id": "1 OR 1=1"}}), 404, "not_found",
    ),
    "an identifier with a zero": (
        category({"data": {"type": "categories", "id": "\x00"}}), 404, "not_found",
    ),
    "an unknown relationship": (
        document(relationships={"owner": {"data": None}}), 422, "unknown_attribute",
    ),
    "an attribute as a relationship too": (
        document(relationships={"price": {"data": {"type": "x", "id": "y"}}}), 400, "malformed",
    ),
    "an attribute as a relationship": (
        document(relationships={"status": {"data": {"type": "x", "id": "y"}}}),
        422,
        "unknown_attribute",
    ),
    "a relationship of the server": (
        document(relationships={"inventory": {"data": {"type": "inventory", "id": "$product"}}}),
        403,
        "read_only",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("body", "status", "code"), BAD_DOCUMENTS.values(), ids=BAD_DOCUMENTS.keys()
)
def test_a_document_of_the_wrong_structure_is_refused(shop, body, status, code):
    assert_refused(shop.send("POST", PRODUCTS, body, {"Content-Type": JSONAPI}), status, code)


INVENTORY = "/api/v1/inventory"
ONE_INVENTORY = "/api/v1/inventory/$product"
LEVEL = "/api/v1/stock-levels/$level"
TRANSFERS = "/api/v1/transfers"
MOVE = {"product_id": "$product", "from_location": "main", "to_location": "annex", "quantity": 1}

ELSEWHERE = [
    ("POST", "/api/v1/categories", {"name": "😀"}, 422, "invalid"),
    ("POST", "/api/v1/categories", {"name": "a", "parent_id": "x"}, 404, "not_found"),
    ("PATCH", "/api/v1/categories/$category", {"parent": "$category"}, 422, "invalid"),
    ("POST", INVENTORY, {}, 422, "required"),
    ("POST", INVENTORY, {"product_id": "x"}, 404, "not_found"),
    ("POST", INVENTORY, {"sku": "a\x00"}, 422, "control_character"),
    ("POST", INVENTORY, {"product_id": "$untouched", "quantity": -1}, 422, "min_value"),
    ("POST", INVENTORY, {"product_id": "$untouched", "quantity": 10**30}, 422, "max_value"),
    ("POST", INVENTORY, {"product_id": "$untouched", "location": "x' --"}, 404, "not_found"),
    ("POST", INVENTORY, {"product_id": "$product"}, 409, "duplicate"),
    ("PATCH", ONE_INVENTORY, {"quantity_delta": 0}, 422, "invalid"),
    ("PATCH", ONE_INVENTORY, {"quantity_delta": "5"}, 422, "invalid"),
    ("PATCH", ONE_INVENTORY, {"quantity_delta": 5.0}, 422, "invalid"),
    ("PATCH", ONE_INVENTORY, {"quantity_delta": True}, 422, "invalid"),
    ("PATCH", ONE_INVENTORY, {"quantity_delta": 10**30}, 422, "max_value"),
    ("PATCH", ONE_INVENTORY, {"quantity_delta": -(10**9)}, 422, "insufficient_stock"),
    ("PATCH", ONE_INVENTORY, {"quantity_delta": 1, "reason": "theft"}, 422, "invalid_choice"),
    ("PATCH", ONE_INVENTORY, {"quantity_delta": 1, "note": "a" * 1001}, 422, "max_length"),
    ("PATCH", ONE_INVENTORY, {"quantity_delta": 1, "reference": "\x00"}, 422, "control_character"),
    ("PATCH", ONE_INVENTORY, {"quantity_delta": 1, "location": {}}, 422, "invalid"),
    ("PATCH", ONE_INVENTORY, {"quantity": 10, "location": "main"}, 428, "precondition_required"),
    ("PATCH", ONE_INVENTORY, {}, 422, "required"),
    ("POST", "/api/v1/locations", {"code": "a b", "name": "x"}, 422, "invalid"),
    ("POST", "/api/v1/locations", {"code": "$product", "name": "x"}, 422, "invalid"),
    ("POST", "/api/v1/locations", {"code": "b", "name": "x", "priority": 2**31}, 422, "max_value"),
    ("POST", "/api/v1/locations", {"code": "b", "name": "x", "is_active": 1}, 422, "invalid"),
    ("PATCH", LEVEL, {"reorder_point": -1}, 422, "min_value"),
    ("PATCH", LEVEL, {"reorder_quantity": 0}, 422, "min_value"),
    ("PATCH", LEVEL, {"movement_count": 0}, 422, "unknown_attribute"),
    ("PATCH", LEVEL, [], 400, "malformed"),
    ("DELETE", LEVEL, b"", 405, "method_not_allowed"),
    ("POST", "/api/v1/stock-movements", {"delta": 1}, 405, "method_not_allowed"),
    ("DELETE", "/api/v1/stock-movements/$movement", b"", 405, "method_not_allowed"),
    ("POST", "/api/v1/stock-movements/$movement/reverse", {"delta": 1}, 422, "unknown_attribute"),
    ("POST", "/api/v1/stock-movements/$movement/reverse", {"note": 5}, 422, "invalid"),
    ("POST", "/api/v1/stock-movements/$movement/reverse", b"null", 400, "malformed"),
    ("POST", "/api/v1/stock-movements/$product/reverse", b"", 404, "not_found"),
    ("POST", "/api/v1/stock-movements/x/reverse", b"", 404, "not_found"),
    ("POST", TRANSFERS, MOVE | {"quantity": 0}, 422, "min_value"),
    ("POST", TRANSFERS, MOVE | {"to_location": "main"}, 422, "invalid"),
    ("POST", TRANSFERS, MOVE | {"to_location": "\ufffd"}, 404, "not_found"),
    ("POST", TRANSFERS, MOVE | {"from_location": None}, 422, "null"),
    ("POST", TRANSFERS, MOVE | {"product_id": "$category"}, 404, "not_found"),
    ("POST", "/api/v1/transfers/$transfer/reverse", {"note": "\x00"}, 422, "control_character"),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "code"), ELSEWHERE)
def test_every_endpoint_refuses_what_it_does_not_take(shop, method, path, body, status, code):
    assert_refused(shop.send(method, path, body, {"Content-Type": JSON}), status, code)


LINKAGE = "/api/v1/products/$product/relationships/category"
BAD_LINKAGE = [
    (b"", 400, "malformed"),
    (b"null", 400, "malformed"),
    (b"[]", 400, "malformed"),
    ({}, 400, "malformed"),
    ({"data": []}, 400, "malformed"),
    ({"data": {}}, 400, "malformed"),
    ({"data": "x"}, 400, "malformed"),
    ({"data": {"type": "categories", "id": 1}}, 400, "malformed"),
    ({"data": {"type": "categories", "id": "x"}}, 404, "not_found"),
    ({"data": {"type": "categories", "id": "$product"}}, 404, "not_found"),
    ({"data": {"type": "products", "id": "$product"}}, 409, "type_conflict"),
]


@pytest.mark.parametrize(("body", "status", "code"), BAD_LINKAGE)
def test_a_relationship_url_takes_linkage_alone(shop, body, status, code):
    assert_refused(shop.send("PATCH", LINKAGE, body, {"Content-Type": JSONAPI}), status, code)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", LINKAGE, 403),
        ("DELETE", LINKAGE, 403),
        ("PATCH", "/api/v1/products/$product/relationships/inventory", 403),
        ("PATCH", "/api/v1/stock-levels/$level/relationships/product", 403),
        ("PATCH", "/api/v1/products/$product/relationships/search", 404),
    ],
)
def test_a_relationship_that_cannot_be_written_is_refused(shop, method, path, status):
    body = {"data": {"type": "categories", "id": "$category"}}
    answer = shop.send(method, path, body, {"Content-Type": JSONAPI})
    assert_refused(answer, status, "read_only" if status == 403 else "not_found")
