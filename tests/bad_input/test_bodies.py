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
}


@pytest.mark.parametrize("body", NO_JSON.values(), ids=NO_JSON.keys())
def test_what_is_no_json_is_malformed(shop, body):
    answer = shop.send("POST", PRODUCTS, body, {"Content-Type": JSON})
    assert_refused(answer, 400, "malformed")


NO_ATTRIBUTES = {
    "null": (b"null", "malformed pointer:"),
    "a list": (b"[]", "malformed pointer:"),
    "a string": (b'"x"', "malformed pointer:"),
    "a number": (b"5", "malformed pointer:"),
    "true": (b"true", "malformed pointer:"),
    "an id": (b'{"id": "x", "name": "a"}', "malformed pointer:/id"),
    "a type": (b'{"type": "products", "name": "a"}', "malformed pointer:/type"),
}


@pytest.mark.parametrize(("body", "error"), NO_ATTRIBUTES.values(), ids=NO_ATTRIBUTES.keys())
def test_json_that_is_no_object_of_attributes_is_malformed(shop, body, error):
    answer = shop.send("POST", PRODUCTS, body, {"Content-Type": JSON})
    assert_refused(answer, 400, error)


IMAGE = "invalid pointer:/images/0"
BAD_VALUES = {
    "an escaped zero": ({"name": "a\x00b"}, "control_character pointer:/name"),
    "an escaped control character": ({"name": "a\x1bb"}, "control_character pointer:/name"),
    "a delete character": ({"description": "a\x7fb"}, "control_character pointer:/description"),
    "a C1 control character": ({"description": "a\x9bb"}, "control_character pointer:/description"),
    "white space as a name": ({"name": " \u3000"}, "blank pointer:/name"),
    "10 000 characters": ({"name": "a" * 10_000}, "max_length pointer:/name"),
    "what NFC makes longer": ({"name": "\u0958" * 255}, "max_length pointer:/name"),
    "a number as a name": ({"name": 5}, "invalid pointer:/name"),
    "an object as a name": ({"name": {}}, "invalid pointer:/name"),
    "1e999": ({"price": "1e999"}, "invalid pointer:/price"),
    "a price with a sign": ({"price": "+1"}, "invalid pointer:/price"),
    "a price of full-width digits": ({"price": "\uff11\uff12"}, "invalid pointer:/price"),
    "a price of true": ({"price": True}, "invalid pointer:/price"),
    "a price of 10^30": ({"price": 10**30}, "max_digits pointer:/price"),
    "a price below zero": ({"price": -1}, "min_value pointer:/price"),
    "a script as an image": ({"images": ["javascript:alert(1)"]}, IMAGE),
    "data as an image": ({"images": ["data:text/html,x"]}, IMAGE),
    "an image with a password": ({"images": ["https://me:secret@example.com/"]}, IMAGE),
    "an image with a user": ({"images": ["https://example.com@evil.example/"]}, IMAGE),
    "an image without a host": ({"images": ["https:///a.png"]}, IMAGE),
    "an image with half an address": ({"images": ["http://[::1"]}, IMAGE),
    "an image with a port too high": ({"images": ["http://example.com:99999/"]}, IMAGE),
    "an image with a line break": ({"images": ["http://example.com/\na.png"]}, IMAGE),
    "images that are a string": ({"images": "https://example.com/"}, "not_a_list pointer:/images"),
    "images in images": ({"images": [["https://example.com/"]]}, IMAGE),
    "21 images": ({"images": ["https://example.com/"] * 21}, "max_length pointer:/images"),
    "a barcode of full-width digits": (
        {"barcode": "\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff10"},
        "invalid pointer:/barcode",
    ),
    "a barcode that is a number": ({"barcode": 12345670}, "invalid pointer:/barcode"),
    "a SKU that grows when folded": ({"sku": "ß"}, "invalid pointer:/sku"),
    "a SKU of an emoji": ({"sku": "😀"}, "invalid pointer:/sku"),
    "an unknown status": ({"status": "bogus"}, "invalid_choice pointer:/status"),
    "a category that is a list": ({"category_id": []}, "invalid pointer:/category_id"),
    "a private column": ({"deleted_at": None}, "unknown_attribute pointer:/deleted_at"),
    "a prototype": ({"__proto__": {"price": 1}}, "unknown_attribute pointer:/__proto__"),
    "a name with slashes": ({"~/a": 1}, "unknown_attribute pointer:/~0~1a"),
    "an empty name": ({"": 1}, "unknown_attribute pointer:/"),
}


@pytest.mark.parametrize(("values", "error"), BAD_VALUES.values(), ids=BAD_VALUES.keys())
def test_a_value_that_cannot_be_meant_is_refused(shop, values, error):
    assert_refused(shop.send("POST", PRODUCTS, GOOD | values), 422, error)


NUMBERS = [
    (b"1e999", "max_digits"),
    (b"1e-999", "max_digits"),
    (b"1e999999", "max_digits"),
    (b"0." + b"1" * 900_000, "max_string_length"),
]


@pytest.mark.parametrize(("number", "code"), NUMBERS)
def test_a_number_of_any_size_is_read_as_it_is(shop, number, code):
    body = b'{"name": "Lamp", "description": "Bright", "price": %s}' % number
    answer = shop.send("POST", PRODUCTS, body, {"Content-Type": JSON})
    assert_refused(answer, 422, f"{code} pointer:/price")


SEVERAL = {
    "nothing that is needed": ({}, ["required pointer:"] * 3),
    "every value wrong": (
        {"name": 5, "description": "", "price": 0, "images": ["x", "https://example.com/", 1]},
        [
            "invalid pointer:/name",
            "blank pointer:/description",
            "min_value pointer:/price",
            IMAGE,
            "invalid pointer:/images/2",
        ],
    ),
    "unknown ones and a wrong one": (
        GOOD | {"b": 1, "a": 1, "price": None},
        ["unknown_attribute pointer:/a", "unknown_attribute pointer:/b", "null pointer:/price"],
    ),
}


@pytest.mark.parametrize(("body", "errors"), SEVERAL.values(), ids=SEVERAL.keys())
def test_all_that_is_wrong_is_told_at_once(shop, body, errors):
    assert_refused(shop.send("POST", PRODUCTS, body, {"Content-Type": JSON}), 422, *errors)
    wrapped = {"data": {"type": "products", "attributes": body}}
    within = [error.replace("pointer:", "pointer:/data/attributes") for error in errors]
    assert_refused(shop.send("POST", PRODUCTS, wrapped, {"Content-Type": JSONAPI}), 422, *within)


def document(**members):
    return {"data": {"type": "products", "attributes": GOOD, **members}}


BAD_DOCUMENTS = {
    "no data": ({}, 400, "malformed pointer:"),
    "data that is null": ({"data": None}, 400, "malformed pointer:/data"),
    "data that is a list": ({"data": []}, 400, "malformed pointer:/data"),
    "data that is a string": ({"data": "x"}, 400, "malformed pointer:/data"),
    "no type": ({"data": {"attributes": GOOD}}, 400, "malformed pointer:/data"),
    "a type that is a number": (document(type=5), 400, "malformed pointer:/data/type"),
    "another type": (document(type="categories"), 409, "type_conflict pointer:/data/type"),
    "an id": (document(id="$product"), 403, "client_id_not_supported pointer:/data/id"),
    "an id that is a number": (document(id=5), 400, "malformed pointer:/data/id"),
    "an id among the attributes": (
        document(attributes=GOOD | {"id": "x"}), 400, "malformed pointer:/data/attributes/id",
    ),
    "attributes that are a list": (
        document(attributes=[]), 400, "malformed pointer:/data/attributes",
    ),
    "attributes that are null": (
        document(attributes=None), 400, "malformed pointer:/data/attributes",
    ),
    "relationships that are a list": (
        document(relationships=[]), 400, "malformed pointer:/data/relationships",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("body", "status", "error"), BAD_DOCUMENTS.values(), ids=BAD_DOCUMENTS.keys()
)
def test_a_document_of_the_wrong_structure_is_refused(shop, body, status, error):
    assert_refused(shop.send("POST", PRODUCTS, body, {"Content-Type": JSONAPI}), status, error)


def one(type_, id_):
    return {"data": {"type": type_, "id": id_}}


BAD_RELATIONSHIPS = {
    "null": ("category", None, 400, "malformed", ""),
    "nothing": ("category", {}, 400, "malformed", ""),
    "a string": ("category", "x", 400, "malformed", ""),
    "linkage that is a string": ("category", {"data": "x"}, 400, "malformed", "/data"),
    "linkage that is a number": ("category", {"data": 5}, 400, "malformed", "/data"),
    "linkage to many": ("category", {"data": []}, 400, "malformed", "/data"),
    "identifiers that are numbers": ("category", {"data": [5]}, 400, "malformed", "/data/0"),
    "an empty identifier": ("category", {"data": {}}, 400, "malformed", "/data"),
    "no id": ("category", {"data": {"type": "categories"}}, 400, "malformed", "/data"),
    "a number as id": ("category", one("categories", 1), 400, "malformed", "/data/id"),
    "another type": ("category", one("products", "$product"), 409, "type_conflict", "/data/type"),
    "no UUID": ("category", one("categories", "1 OR 1=1"), 404, "not_found", "/data/id"),
    "a zero": ("category", one("categories", "\x00"), 404, "not_found", "/data/id"),
    "what is not there": ("category", one("categories", "$product"), 404, "not_found", ""),
    "an unknown one": ("owner", {"data": None}, 422, "unknown_attribute", ""),
    "an attribute too": ("price", one("x", "y"), 400, "malformed", ""),
    "an attribute": ("status", one("x", "y"), 422, "unknown_attribute", ""),
    "the server's": ("inventory", one("inventory", "$product"), 403, "read_only", ""),
}


@pytest.mark.parametrize(
    ("name", "value", "status", "code", "place"),
    BAD_RELATIONSHIPS.values(),
    ids=BAD_RELATIONSHIPS.keys(),
)
def test_a_relationship_that_links_to_nothing_of_its_kind_is_refused(
    shop, name, value, status, code, place
):
    body = document(relationships={name: value})
    answer = shop.send("POST", PRODUCTS, body, {"Content-Type": JSONAPI})
    assert_refused(answer, status, f"{code} pointer:/data/relationships/{name}{place}")


LINKAGE = "/api/v1/products/$product/relationships/category"
BAD_LINKAGE = [
    (b"", 400, "malformed"),
    (b"null", 400, "malformed pointer:"),
    (b"[]", 400, "malformed pointer:"),
    ({}, 400, "malformed pointer:"),
    ({"data": []}, 400, "malformed pointer:/data"),
    ({"data": {}}, 400, "malformed pointer:/data"),
    ({"data": "x"}, 400, "malformed pointer:/data"),
    ({"data": {"type": "categories", "id": 1}}, 400, "malformed pointer:/data/id"),
    ({"data": {"type": "categories", "id": "x"}}, 404, "not_found pointer:/data/id"),
    ({"data": {"type": "categories", "id": "$product"}}, 404, "not_found pointer:/data"),
    ({"data": {"type": "products", "id": "$product"}}, 409, "type_conflict pointer:/data/type"),
]


@pytest.mark.parametrize(("body", "status", "error"), BAD_LINKAGE)
def test_a_relationship_url_takes_linkage_alone(shop, body, status, error):
    assert_refused(shop.send("PATCH", LINKAGE, body, {"Content-Type": JSONAPI}), status, error)


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
