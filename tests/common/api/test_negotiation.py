"""Media types: which bodies are read, and under which label answers go out (API.md §1)."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.api.errors import UnsupportedMediaType
from common.api.negotiation import acceptable, check_content_type
from tests.api_client import JSON, JSON_API
from tests.factories import ProductFactory

PRODUCTS = "/api/v1/products"
HTML = "text/html"
PLAIN = b'{"name": "Mug", "description": "Red", "price": 4}'
DOCUMENT = (
    b'{"data": {"type": "products", "attributes":'
    b' {"name": "Mug", "description": "Red", "price": 4}}}'
)


@pytest.mark.parametrize(
    ("accept", "given"),
    [
        ("", JSON_API),
        ("*/*", JSON_API),
        ("application/*", JSON_API),
        (JSON_API, JSON_API),
        ("Application/Vnd.API+JSON", JSON_API),
        (f"{JSON_API};q=0.1", JSON_API),
        (f'{JSON_API}; profile="https://example.com/a https://example.com/b"', JSON_API),
        (f'{JSON_API};profile="a,b";q=0.5', JSON_API),
        (JSON, JSON),
        ("APPLICATION/JSON", JSON),
        (f"{JSON};q=0.2", JSON),
        (f"{JSON};charset=utf-8", JSON),
        (f"{JSON}, text/plain", JSON),
        (f"{JSON}, */*", JSON_API),
        (f"{JSON}, text/plain, */*", JSON_API),
        (f"{JSON}, */*;q=0.1", JSON),
        (f"{JSON}, {JSON_API}", JSON_API),
        (f"{JSON}, {JSON_API};q=0.9", JSON),
        (f"{JSON_API};q=0, */*", JSON),
        (HTML, HTML),
        ("text/*", HTML),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", HTML),
        ("text/html; q=1.0, */*", HTML),
        (f"{HTML}, {JSON_API}", JSON_API),
        (f"{HTML};q=0.9, {JSON}", JSON),
        (f"{JSON_API};charset=utf-8, {JSON}", JSON),
        (f"{JSON_API};charset=utf-8, {JSON_API}", JSON_API),
        (f'{JSON_API};ext="https://example.com/x", */*;q=0.1', JSON_API),
    ],
)
def test_the_answers_media_type_follows_accept_alone(accept, given):
    assert acceptable(accept) == given


@pytest.mark.parametrize(
    "accept",
    [
        f"{JSON_API};charset=utf-8",
        f"{JSON_API};version=1",
        f'{JSON_API};ext="https://jsonapi.org/ext/atomic"',
        f'{JSON_API};ext="https://example.com/x", {JSON_API};ext="https://example.com/y"',
        f"{JSON_API};q=0",
        f"{JSON_API};q=2",
        f"{JSON_API};q=nan",
        f"{JSON_API};q=x",
        "application/vnd.api+jsonx",
        "application/xml",
        "image/*",
        "nonsense",
        "/",
        f"{JSON_API}; profile*=bogus''x",
    ],
)
def test_nothing_else_can_be_given(accept):
    assert acceptable(accept) is None


@pytest.mark.parametrize(
    ("content_type", "read_as"),
    [
        (JSON_API, JSON_API),
        ("application/VND.api+JSON", JSON_API),
        (f'{JSON_API}; profile="https://example.com/unknown"', JSON_API),
        (JSON, JSON),
        (f"{JSON}; charset=utf-8", JSON),
        (f"{JSON}; charset=anything", JSON),
    ],
)
def test_bodies_are_read_in_two_media_types(content_type, read_as):
    assert check_content_type(content_type) == read_as


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        f"{JSON_API}; charset=utf-8",
        f'{JSON_API}; ext="https://jsonapi.org/ext/atomic"',
        f'{JSON_API}; profile="a"; version=1',
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain",
        "application/jsonx",
        f"{JSON_API}, {JSON}",
    ],
)
def test_every_other_content_type_is_refused(content_type):
    with pytest.raises(UnsupportedMediaType):
        check_content_type(content_type)


@given(st.text(alphabet=st.characters(max_codepoint=255), max_size=60))
def test_no_header_breaks_the_negotiation(text):
    for header in (text, f"{JSON_API};{text}", f"{JSON};q={text}", f"{JSON};x*={text}"):
        acceptable.__wrapped__(header)
        with contextlib.suppress(UnsupportedMediaType):
            check_content_type(header)


@pytest.mark.parametrize(
    ("accept", "label"), [(None, JSON_API), ("*/*", JSON_API), (JSON_API, JSON_API), (JSON, JSON)]
)
@pytest.mark.parametrize("path", [PRODUCTS, f"{PRODUCTS}/{{id}}", f"{PRODUCTS}/{{id}}/category"])
def test_the_same_document_goes_out_under_either_label(client, accept, label, path):
    path = path.format(id=ProductFactory().pk)
    answer = client.get(path, headers={"Accept": accept} if accept else {})
    assert answer.status_code == 200
    assert answer["Content-Type"] == label
    assert answer.content == client.get(path).content


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("get", "/api/v1/nowhere", 404),
        ("get", f"{PRODUCTS}/01a1fd94-0000-7000-8000-000000000000", 404),
        ("put", PRODUCTS, 405),
        ("get", f"{PRODUCTS}?bogus=1", 400),
        ("post", PRODUCTS, 400),
    ],
)
@pytest.mark.parametrize("accept", [JSON_API, JSON, "image/png"])
def test_errors_are_labelled_like_answers(client, method, path, status, accept):
    answer = getattr(client, method)(path, headers={"Accept": accept})
    expected = 406 if accept == "image/png" and status not in {404, 405} else status
    if "0000-7000" in path and accept == "image/png":
        expected = 406
    assert answer.status_code == expected
    assert answer["Content-Type"] == (JSON if accept == JSON else JSON_API)
    assert answer.json()["errors"][0]["status"] == str(expected)


@pytest.mark.parametrize("path", [PRODUCTS, "/api/v1/nowhere", f"{PRODUCTS}?bogus=1", "/nowhere"])
@pytest.mark.parametrize("accept", [JSON_API, JSON, HTML, "image/png"])
def test_every_answer_varies_by_accept(client, path, accept):
    answer = client.get(path, headers={"Accept": accept})
    assert "Accept" in [name.strip() for name in answer["Vary"].split(",")]


def test_an_answer_that_cannot_be_given_is_refused_by_name(client):
    answer = client.get(PRODUCTS, headers={"Accept": f"{JSON_API};charset=utf-8"})
    assert answer.status_code == 406
    (error,) = answer.json()["errors"]
    assert (error["code"], error["source"]) == ("not_acceptable", {"header": "Accept"})


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (JSON_API, DOCUMENT),
        (f'{JSON_API}; profile="https://example.com/unknown"', DOCUMENT),
        (JSON, DOCUMENT),
        (f"{JSON}; charset=utf-8", DOCUMENT),
        (JSON, PLAIN),
    ],
)
def test_a_product_is_created_from_either_form(client, content_type, body):
    answer = client.generic("POST", PRODUCTS, body, content_type)
    assert answer.status_code == 201
    assert answer["Content-Type"] == JSON_API


@pytest.mark.parametrize(
    "content_type",
    [f"{JSON_API}; charset=utf-8", f'{JSON_API}; ext="x"', "text/plain", "application/xml", ""],
)
def test_a_body_in_another_form_is_refused_by_name(client, content_type):
    answer = client.generic("POST", PRODUCTS, DOCUMENT, content_type)
    assert answer.status_code == 415
    (error,) = answer.json()["errors"]
    assert error["code"] == "unsupported_media_type"
    assert error["source"] == {"header": "Content-Type"}


def test_a_plain_object_is_no_json_api_document(client):
    answer = client.generic("POST", PRODUCTS, PLAIN, JSON_API)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "malformed"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", PRODUCTS),
        ("HEAD", PRODUCTS),
        ("GET", f"{PRODUCTS}/{{id}}"),
        ("DELETE", f"{PRODUCTS}/{{id}}"),
    ],
)
def test_a_wrong_json_api_media_type_is_refused_even_where_no_body_is_read(client, method, path):
    path = path.format(id=ProductFactory().pk)
    answer = client.generic(method, path, headers={"Content-Type": f"{JSON_API}; charset=utf-8"})
    assert answer.status_code == 415


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/vnd.api+jsonx"]
)
def test_other_content_types_do_not_matter_where_no_body_is_read(client, content_type):
    path = f"{PRODUCTS}/{ProductFactory().pk}"
    assert client.get(path, headers={"Content-Type": content_type}).status_code == 200
    answer = client.generic("DELETE", path, b"whatever", content_type)
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "gzip, identity"])
def test_an_encoded_body_is_refused(client, coding):
    answer = client.generic(
        "POST", PRODUCTS, DOCUMENT, JSON_API, headers={"Content-Encoding": coding}
    )
    assert answer.status_code == 415
    assert answer.json()["errors"][0]["source"] == {"header": "Content-Encoding"}


@pytest.mark.parametrize("coding", ["identity", "Identity"])
def test_a_body_may_say_that_it_is_not_encoded(client, coding):
    answer = client.generic(
        "POST", PRODUCTS, DOCUMENT, JSON_API, headers={"Content-Encoding": coding}
    )
    assert answer.status_code == 201


@pytest.mark.parametrize("size", [2**20, 2**20 + 1])
def test_a_body_may_have_one_mebibyte(client, size):
    padding = b" " * (size - len(DOCUMENT))
    answer = client.generic("POST", PRODUCTS, DOCUMENT + padding, JSON_API)
    assert answer.status_code == (201 if size == 2**20 else 413)
    if size > 2**20:
        assert answer.json()["errors"][0]["code"] == "payload_too_large"
