"""From the bytes of a body to a document, of which nothing is missing."""

from __future__ import annotations

from io import BytesIO
from types import SimpleNamespace

import pytest

from common.api.errors import Malformed
from common.api.parsers import JSONAPIParser, PlainJSONParser

DOCUMENT = b'{"data": {"type": "products"}}'


def parsed(parser, stated: str, body: bytes = DOCUMENT):
    request = SimpleNamespace(method="POST", META={"CONTENT_LENGTH": stated})
    context = {"request": request, "view": SimpleNamespace(takes_linkage=False)}
    return parser().parse(BytesIO(body), parser_context=context)


@pytest.mark.parametrize("parser", [JSONAPIParser, PlainJSONParser])
@pytest.mark.parametrize("stated", [str(len(DOCUMENT)), ""])
def test_a_whole_body_is_a_document(parser, stated):
    assert parsed(parser, stated).type == "products"


@pytest.mark.parametrize("parser", [JSONAPIParser, PlainJSONParser])
def test_a_part_of_a_body_is_malformed_though_it_would_be_a_document(parser):
    with pytest.raises(Malformed):
        parsed(parser, str(len(DOCUMENT) + 1))
