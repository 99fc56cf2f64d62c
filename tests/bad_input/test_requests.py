"""Methods, targets and headers that are wrong."""

from __future__ import annotations

import pytest

from tests.bad_input.wire import BY_THE_SERVER, JSON, JSONAPI, assert_refused, exchange

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("without_effect")]

PRODUCTS = "/api/v1/products"
PRODUCT = "/api/v1/products/$product"
LINKAGE = f"{PRODUCT}/relationships/category"
GOOD = {"name": "Lamp", "description": "Bright", "price": 9.9}


@pytest.mark.parametrize("path", [PRODUCTS, PRODUCT, LINKAGE, "/health", "/schema", "/docs"])
@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "PUT", "PROPFIND", "CONNECT"])
def test_a_method_that_is_not_there_is_refused(shop, method, path):
    answer = shop.send(method, path)
    assert_refused(answer, 405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize("path", [PRODUCTS, PRODUCT, LINKAGE, "/health", "/schema", "/docs"])
def test_head_is_get_without_the_body(shop, path):
    assert (shop.send("HEAD", path).status, shop.send("HEAD", path).body) == (200, b"")


@pytest.mark.parametrize("method", ["get", "G\x00T", "GE T", "", "A" * 30, "GÉT"])
def test_a_method_that_is_none_is_refused(shop, method):
    assert_refused(shop.send(method, PRODUCTS), 400, BY_THE_SERVER)


TARGETS = [
    ("*", 400, BY_THE_SERVER),
    ("products", 400, BY_THE_SERVER),
    ("?x=1", 400, BY_THE_SERVER),
    ("#a", 400, BY_THE_SERVER),
    ("http://[half/", 400, BY_THE_SERVER),
    ("http://example.com:99999999/nothing", 404, "not_found"),
    (b"/api/v1/products/\xff", 400, BY_THE_SERVER),
    (b"/api/v1/products\x01", 400, BY_THE_SERVER),
    (b"/api/v1/prod\x00ucts", 400, BY_THE_SERVER),
]


@pytest.mark.parametrize(("target", "status", "error"), TARGETS)
def test_a_target_that_is_no_address_of_ours_is_refused(shop, target, status, error):
    assert_refused(shop.send("GET", target), status, error)


def test_a_target_in_absolute_form_is_understood(shop):
    origin = "http://{}:{}".format(*shop.address)
    assert shop.send("GET", f"{origin}{PRODUCT}").document["data"]["id"] == shop.ids["product"]


@pytest.mark.parametrize("version", ["HTTP/2.0", "HTTP/9.9", "HTTP/x", "http/1.1", ""])
def test_a_version_that_nobody_speaks_here_is_refused(shop, version):
    assert_refused(shop.send("GET", PRODUCT, version=version), 400, BY_THE_SERVER)


def test_the_version_before_is_spoken(shop):
    assert shop.send("GET", PRODUCT, version="HTTP/1.0").status == 200


@pytest.mark.parametrize(
    "data",
    [
        b"GET /health\r\n\r\n",
        b"GET /health HTTP/1.1\nHost: 127.0.0.1\n\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n",  # TLS
    ],
)
def test_what_is_no_request_is_refused(shop, data):
    assert_refused(exchange(shop.address, data), 400, BY_THE_SERVER)


ACCEPT = "not_acceptable header:Accept"
ENCODING = "unsupported_media_type header:Content-Encoding"
MEDIA_TYPE = "unsupported_media_type header:Content-Type"
KEY = "invalid_parameter header:Idempotency-Key"
BAD_HEADERS = {
    "a foreign host": ({"Host": "evil.example"}, 400, "malformed"),
    "a host that is none": ({"Host": "a b"}, 400, "malformed"),
    "a host beyond ASCII": ({"Host": "\xff"}, 400, "malformed"),
    "an empty host": ({"Host": ""}, 400, "malformed"),
    "a host with half a port": ({"Host": "127.0.0.1:x"}, 400, "malformed"),
    "no key": ({"X-API-Key": None}, 401, "not_authenticated"),
    "an empty key": ({"X-API-Key": ""}, 401, "not_authenticated"),
    "a key beyond ASCII": ({"X-API-Key": "\xff" * 40}, 401, "not_authenticated"),
    "a key of 8 000 characters": ({"X-API-Key": "a" * 8_000}, 401, "not_authenticated"),
    "a password": ({"X-API-Key": None, "Authorization": "Basic !"}, 401, "not_authenticated"),
    "a session with a zero": (
        {"X-API-Key": None, "Cookie": 'sessionid="abcdefgh\\000"'}, 401, "not_authenticated",
    ),
    "a session beyond ASCII": (
        {"X-API-Key": None, "Cookie": "sessionid=" + "\xff" * 40}, 401, "not_authenticated",
    ),
    "a long session": ({"X-API-Key": None, "Cookie": "sessionid=" + "a" * 7_000}, 401,
                       "not_authenticated"),
    "an unknown media type wanted": ({"Accept": "image/png"}, 406, ACCEPT),
    "nonsense wanted": ({"Accept": '"'}, 406, ACCEPT),
    "half a media type wanted": ({"Accept": "application/json; q*=x''%ff"}, 406, ACCEPT),
    "a weight that is none": ({"Accept": "*/*;q=nan"}, 406, ACCEPT),
    "4 000 media types wanted": ({"Accept": "a," * 4_000}, 406, ACCEPT),
    "a gzip body": ({"Content-Encoding": "gzip"}, 415, ENCODING),
    "two encodings": ({"Content-Encoding": "identity, br"}, 415, ENCODING),
    "an encoding beyond ASCII": ({"Content-Encoding": "\xff"}, 415, ENCODING),
    "no media type": ({"Content-Type": None}, 415, MEDIA_TYPE),
    "an empty media type": ({"Content-Type": ""}, 415, MEDIA_TYPE),
    "a form": (
        {"Content-Type": "application/x-www-form-urlencoded"}, 415, MEDIA_TYPE,
    ),
    "a form in parts": ({"Content-Type": "multipart/form-data"}, 415, MEDIA_TYPE),
    "a media type of nothing": ({"Content-Type": "; ;"}, 415, MEDIA_TYPE),
    "JSON:API with a charset": (
        {"Content-Type": f"{JSONAPI}; charset=utf-8"}, 415, MEDIA_TYPE,
    ),
    "JSON:API with an extension": (
        {"Content-Type": f'{JSONAPI}; ext="x"'}, 415, MEDIA_TYPE,
    ),
    "a charset nobody knows": (
        {"Content-Type": f"{JSON}; charset*=bogus''x%41"}, 415, MEDIA_TYPE,
    ),
    "an empty idempotency key": ({"Idempotency-Key": ""}, 400, KEY),
    "a long idempotency key": ({"Idempotency-Key": "a" * 256}, 400, KEY),
    "two idempotency keys": ({"Idempotency-Key": "a,b"}, 400, KEY),
    "an idempotency key in two words": ({"Idempotency-Key": "a b"}, 400, KEY),
    "an idempotency key beyond ASCII": ({"Idempotency-Key": "\xe9"}, 400, KEY),
}  # fmt: skip


@pytest.mark.parametrize(
    ("headers", "status", "error"), BAD_HEADERS.values(), ids=BAD_HEADERS.keys()
)
def test_a_header_that_cannot_be_used_refuses_the_request(shop, headers, status, error):
    assert_refused(shop.send("POST", PRODUCTS, GOOD, headers), status, error)


@pytest.mark.parametrize("line", [b"X-API-Key: $key", b"X-API-Key: another"])
def test_two_keys_are_nobodys_key(shop, line):
    more = line.replace(b"$key", shop.api_key.encode()) + b"\r\n"
    assert_refused(shop.send("POST", PRODUCTS, GOOD, more=more), 401, "not_authenticated")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", PRODUCT, {"name": "New"}),
        ("DELETE", PRODUCT, b""),
        ("PATCH", "/api/v1/inventory/$product", {"quantity_delta": -1}),
        ("GET", PRODUCT, b""),
    ],
)
def test_a_foreign_host_refuses_the_request_before_it_has_an_effect(shop, method, path, body):
    answer = shop.send(method, path, body, {"Host": "evil.example"})
    assert_refused(answer, 400, "malformed")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{PRODUCTS}?page[size]=0", 400),
        (f"{PRODUCTS}?filter[search]=%00", 400),
        ("/api/v1/products/$category", 404),
        ("/api/v1/stock-movements/$movement/reverse", 405),
        ("/nothing", 404),
    ],
)
def test_a_browser_gets_its_errors_too(shop, path, status):
    answer = shop.send("GET", path, headers={"Accept": "text/html"})
    assert (answer.status, answer.is_document) == (status, path == "/nothing")


@pytest.mark.parametrize(
    "cookie", ['sessionid="abcdefgh\\000"', 'csrftoken="\\000"', "messages=[["]
)
def test_a_cookie_that_is_none_of_ours_is_no_session(shop, cookie):
    assert shop.send("GET", "/admin/", headers={"Cookie": cookie}).status == 302


CHARSETS = ["hex", "rot13", "idna", "punycode", "undefined", "utf-16", "zlib", "\xff", "*"]


@pytest.mark.parametrize("charset", CHARSETS)
def test_a_charset_changes_nothing(shop, charset):
    headers = {"Content-Type": f"{JSON}; charset={charset}"}
    answer = shop.send("GET", f"{PRODUCTS}?filter[nothing]=%e4", headers=headers)
    assert_refused(answer, 400, "unknown_parameter parameter:filter[nothing]")
    assert shop.send("POST", "/admin/login/?next=%e4", b"a=%ff", headers).status == 403


@pytest.mark.parametrize("tag", ["1", '"', '""', 'W/"1"', '"99999999999999999999"', "\xff", ""])
def test_a_precondition_that_names_no_version_fails(shop, tag):
    for method, body in [("PATCH", {"name": "New"}), ("DELETE", b"")]:
        answer = shop.send(method, PRODUCT, body, {"If-Match": tag})
        assert_refused(answer, 412, "precondition_failed header:If-Match")


@pytest.mark.parametrize(
    "headers",
    [
        {"If-None-Match": '"'},
        {"If-None-Match": "\xff"},
        {"If-None-Match": "a" * 8_000},
        {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "gopher"},
        {"X-HTTP-Method-Override": "DELETE"},
        {"X-Original-URL": "/admin/", "X-Rewrite-URL": "/admin/"},
        {"X-Request-ID": "\xff\t"},
        {"Range": "bytes=5-1,x"},
        {"Origin": "http://["},
        {"Accept-Language": "\xff" * 600},
        {"Upgrade": "websocket"},
        {"Content-Type": f"{JSON}; charset=hex"},
    ],
)
def test_a_header_that_does_not_matter_changes_nothing(shop, headers):
    answer = shop.send("GET", PRODUCT, headers=headers)
    assert answer.status == 200
    assert answer.document == shop.send("GET", PRODUCT).document
