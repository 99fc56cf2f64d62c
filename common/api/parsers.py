"""DRF's parsers: both media types lead to a ``Document``."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

from rest_framework.parsers import BaseParser

from common.api import documents
from common.api.errors import Malformed
from common.api.negotiation import JSON, JSONAPI

if TYPE_CHECKING:
    from collections.abc import Mapping


class _DocumentParser(BaseParser):
    def parse(  # type: ignore[override]  # a document says more than a mapping
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> documents.Document:
        context = parser_context or {}
        value = documents.parse_json(whole(stream, context["request"]))
        if context["view"].takes_linkage:
            return documents.read_linkage(value)
        return documents.read(
            value,
            jsonapi=self.media_type == JSONAPI,
            creating=context["request"].method == "POST",
        )


def whole(stream: IO[Any], request: Any) -> bytes:
    """The body. A part of one may be a valid document too, and is not what was meant."""
    body: bytes = stream.read()
    if len(body) < int(request.META.get("CONTENT_LENGTH") or 0):
        raise Malformed("The body ended before it was complete.")
    return body


class JSONAPIParser(_DocumentParser):
    """A JSON:API document, strictly."""

    media_type = JSONAPI


class PlainJSONParser(_DocumentParser):
    """Attributes as a plain object; or a JSON:API document under the plain label."""

    media_type = JSON
