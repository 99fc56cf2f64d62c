"""Request bodies: what is read from them, and that nothing else gets past (API.md §1, RULES §4)."""

from __future__ import annotations

import json
from decimal import Decimal
from functools import partial

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from common.api.documents import MAX_DEPTH, Document, parse_json, read, read_linkage
from common.api.errors import ApiError, Malformed
from tests.common.api.pointing import at

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.decimals(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["data", "type", "id", "lid", "attributes", "relationships", "links", "@x", "a/b"]
            )
            | st.text(max_size=4),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@st.composite
def almost_documents(draw):
    """A JSON:API document in which anything may be wrong."""
    data = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "type": st.just("products") | VALUES,
                "id": st.text(max_size=3) | VALUES,
                "attributes": VALUES,
                "relationships": VALUES
                | st.dictionaries(st.text(max_size=3), st.fixed_dictionaries({"data": VALUES})),
            },
        )
    )
    return {"data": data}


def refusal_of(reading, value):
    """How the value is refused; None when it is read."""
    try:
        reading(value)
    except ApiError as error:
        return error
    return None


def nested(depth):
    return b"[" * depth + b"]" * depth


def resource(**members):
    return {"data": {"type": "products", **members}}


# Bytes


@given(st.binary(max_size=60))
@example(b"")
@example(b"\xef\xbb\xbf{}")
@example(b"\xff\xfe{}")
@example(b'"\xed\xa0\x80"')
@example(b"\x00")
def test_no_bytes_raise_anything_but_a_refusal(body):
    error = refusal_of(parse_json, body)
    assert error is None or error.status_code == 400


@given(VALUES)
def test_every_json_value_is_read_as_it_was_written(value):
    written = json.dumps(value, default=str)  # decimals become text, for json knows floats only
    assert parse_json(written.encode()) == json.loads(written)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"{'a': 1}",
        b'{"a": 1,}',
        b'{"a": 01}',
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": 1, "a": 1}',
        b'{"a": {"b": 1, "c": 2, "b": 3}}',
        b'{"a": 1, "\\u0061": 2}',
        b'{"a": "\\ud800"}',
        b'{"a": ["\\udc00\\ud800"]}',
        b'{"\\ud800": 1}',
        b'{"a": "\xff"}',
        b'{"a": "\xed\xa0\x80"}',
        b'\xef\xbb\xbf{"a": 1}',
        '{"a": 1}'.encode("utf-16"),
        b'{"a": "\n"}',
        b'{"a": "\x00"}',
        b"[1] [2]",
        b'{"a": ' + b"1" * 5_000 + b"}",
        b'{"a": 1e99999999999999999999}',
        nested(MAX_DEPTH + 1),
        nested(100_000),
        b'{"a":' * 100_000,
    ],
)
def test_what_is_no_usable_json_is_malformed(body):
    with pytest.raises(Malformed):
        parse_json(body)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"price": 1299.99}', {"price": Decimal("1299.99")}),
        (b"0.1000000000000000055511151231257827", Decimal("0.1000000000000000055511151231257827")),
        (b"1e999", Decimal("1e999")),
        (b"1.10", Decimal("1.10")),
        (b"12345678901234567890123456789", 12345678901234567890123456789),
        (b'"\\ud83d\\ude00"', "😀"),
        ('"\u00e9"'.encode(), "é"),
        (b' {"a" : [ ] }\n', {"a": []}),
        (b"null", None),
    ],
)
def test_numbers_stay_exact_and_text_whole(body, value):
    parsed = parse_json(body)
    assert parsed == value
    assert type(parsed) is type(value)


def test_a_body_may_be_nested_32_deep():
    parse_json(nested(MAX_DEPTH))
    assert MAX_DEPTH == 32


def test_a_duplicate_name_is_harmless_in_two_objects():
    assert parse_json(b'[{"a": 1}, {"a": 2}]') == [{"a": 1}, {"a": 2}]


# Structure


@given(VALUES | almost_documents(), st.booleans(), st.booleans())
def test_no_value_raises_anything_but_a_refusal_that_points_at_something(value, jsonapi, creating):
    for reading in (partial(read, jsonapi=jsonapi, creating=creating), read_linkage):
        if error := refusal_of(reading, value):
            assert error.status_code == 400
            at(value, error.source["pointer"])
        else:
            assert isinstance(reading(value), Document)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ([], ""),
        ("x", ""),
        (None, ""),
        ({}, ""),
        ({"meta": {}}, ""),
        ({"data": None}, "/data"),
        ({"data": []}, "/data"),
        ({"data": [{"type": "products"}]}, "/data"),
        ({"data": "x"}, "/data"),
        ({"data": {}}, "/data"),
        ({"data": {"type": None}}, "/data/type"),
        ({"data": {"type": 5}}, "/data/type"),
        (resource(id=5), "/data/id"),
        (resource(id=None), "/data/id"),
        (resource(lid=5), "/data/lid"),
        (resource(attributes=[]), "/data/attributes"),
        (resource(attributes=None), "/data/attributes"),
        (resource(attributes="x"), "/data/attributes"),
        (resource(attributes={"id": 1}), "/data/attributes/id"),
        (resource(attributes={"type": "x"}), "/data/attributes/type"),
        (resource(relationships=[]), "/data/relationships"),
        (resource(relationships={"a": None}), "/data/relationships/a"),
        (resource(relationships={"a": "x"}), "/data/relationships/a"),
        (resource(relationships={"a": []}), "/data/relationships/a"),
        (resource(relationships={"a": {}}), "/data/relationships/a"),
        (resource(relationships={"a/b~c": {}}), "/data/relationships/a~1b~0c"),
        (resource(relationships={"a": {"data": "x"}}), "/data/relationships/a/data"),
        (resource(relationships={"a": {"data": {}}}), "/data/relationships/a/data"),
        (resource(relationships={"a": {"data": {"type": "x"}}}), "/data/relationships/a/data"),
        (
            resource(relationships={"a": {"data": {"type": "x", "id": 5}}}),
            "/data/relationships/a/data/id",
        ),
        (resource(relationships={"a": {"data": [1]}}), "/data/relationships/a/data/0"),
        (
            resource(relationships={"a": {"data": [{"type": "x", "id": "1"}, {"type": 3}]}}),
            "/data/relationships/a/data/1/type",
        ),
    ],
)
def test_a_document_of_the_wrong_structure_is_refused_where_it_is_wrong(body, pointer):
    with pytest.raises(Malformed) as refusal:
        read(body, jsonapi=True, creating=False)
    assert refusal.value.source == {"pointer": pointer}
    at(body, pointer)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [([], ""), ("x", ""), ({"type": "products"}, "/type"), ({"name": "x", "id": "1"}, "/id")],
)
def test_a_plain_body_is_an_object_without_type_and_id(body, pointer):
    with pytest.raises(Malformed) as refusal:
        read(body, jsonapi=False, creating=True)
    assert refusal.value.source == {"pointer": pointer}


def test_a_document_is_taken_apart():
    author = {"type": "people", "id": "9"}
    document = read(
        {
            "jsonapi": {"version": "1.1"},
            "data": {
                "type": "products",
                "id": "1",
                "attributes": {"name": "Mug", "@context": "ignored"},
                "relationships": {"author": {"data": author}, "@x": {"data": None}},
                "links": {"self": "ignored"},
                "meta": 5,
                "unknown": "ignored",
            },
            "included": 7,
        },
        jsonapi=True,
        creating=False,
    )
    assert (document.is_jsonapi, document.type, document.id) == (True, "products", "1")
    assert document.attributes == {"name": "Mug"}
    assert document.relationships == {"author": author}


def test_a_plain_object_is_its_attributes():
    document = read({"name": "Mug", "@id": 1, "data": {"type": 5}}, jsonapi=False, creating=True)
    assert not document.is_jsonapi
    assert document.attributes == {"name": "Mug", "data": {"type": 5}}


def test_a_document_with_the_plain_label_is_a_document():
    document = read(resource(attributes={"a": 1}), jsonapi=False, creating=True)
    assert document.is_jsonapi
    assert document.attributes == {"a": 1}


@pytest.mark.parametrize("relationship", [{"links": {"self": "x"}}, {"meta": {}}])
def test_a_relationship_with_links_only_says_nothing_in_an_update(relationship):
    body = resource(relationships={"category": relationship})
    assert read(body, jsonapi=True, creating=False).relationships == {}
    with pytest.raises(Malformed):
        read(body, jsonapi=True, creating=True)


@pytest.mark.parametrize("sent_back", [{"links": {"self": "x"}}, {"links": {}, "meta": {}}])
def test_an_attribute_with_links_only_says_nothing_in_an_update(sent_back):
    body = resource(attributes={"name": "Mug", "category": sent_back})
    assert read(body, jsonapi=True, creating=False).attributes == {"name": "Mug"}
    assert "category" in read(body, jsonapi=True, creating=True).attributes


@pytest.mark.parametrize("value", [{}, {"meta": {}}, {"links": {}, "data": None}, ["links"]])
def test_other_objects_among_the_attributes_are_input(value):
    body = resource(attributes={"category": value})
    assert read(body, jsonapi=True, creating=False).attributes == {"category": value}
