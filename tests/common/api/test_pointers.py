"""Where refusals point to: into the body as it was sent (API.md §5)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.api.documents import read
from common.api.errors import Malformed
from tests.common.api.pointing import at
from tests.common.api.test_documents import VALUES, resource


@pytest.mark.parametrize(
    ("path", "pointer"),
    [
        (("name",), "/data/attributes/name"),
        (("images", "1"), "/data/attributes/images/1"),
        (("images", "7"), "/data/attributes/images"),
        (("images", "1", "x"), "/data/attributes/images/1"),
        (("a/b~",), "/data/attributes/a~1b~0"),
        (("missing",), "/data/attributes"),
        (("category",), "/data/relationships/category"),
        ((), "/data/attributes"),
    ],
)
def test_an_input_is_pointed_at_where_it_was_sent(path, pointer):
    body = resource(
        attributes={"name": "x", "images": ["a", "b"], "a/b~": 1},
        relationships={"category": {"data": None}},
    )
    assert read(body, jsonapi=True, creating=True).pointer(*path) == pointer
    at(body, pointer)


@pytest.mark.parametrize(
    ("path", "pointer"), [(("name",), "/name"), (("missing",), ""), ((), ""), (("", "x"), "")]
)
def test_plain_inputs_are_pointed_at_from_the_root(path, pointer):
    assert read({"name": "x"}, jsonapi=False, creating=True).pointer(*path) == pointer


def test_without_attributes_the_resource_is_pointed_at():
    assert read(resource(), jsonapi=True, creating=True).pointer("name") == "/data"


@given(VALUES.filter(lambda value: isinstance(value, dict)), st.lists(st.text(max_size=3)))
@pytest.mark.slow
def test_a_pointer_always_names_something_in_the_body(value, path):
    for body, jsonapi in ((value, False), ({"data": {"type": "x", "attributes": value}}, True)):
        try:
            document = read(body, jsonapi=jsonapi, creating=False)
        except Malformed:
            continue
        at(body, document.pointer(*path))
