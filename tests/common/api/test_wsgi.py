"""What a Content-Type can and cannot do to a request."""

from __future__ import annotations

from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest

from common.api.wsgi import Utf8Request


def request_with(content_type: str) -> Utf8Request:
    environ: dict[str, Any] = {"CONTENT_TYPE": content_type, "QUERY_STRING": "a=%c3%a9"}
    setup_testing_defaults(environ)
    return Utf8Request(environ)


@pytest.mark.parametrize("charset", ["utf-8", "hex", "rot13", "idna", "undefined", "utf-16", "*"])
def test_an_address_is_utf_8_whatever_the_charset_of_the_body(charset):
    assert request_with(f"application/json; charset={charset}").GET["a"] == "é"


def test_the_media_type_is_read():
    request = request_with("Application/JSON; charset=latin-1")
    assert request.content_type == "application/json"
    assert request.content_params == {"charset": "latin-1"}


def test_a_media_type_that_cannot_be_read_counts_as_none():
    request = request_with("application/json; charset*=bogus''x%41")
    assert (request.content_type, request.content_params) == ("", {})
