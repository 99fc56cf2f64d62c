"""How atomic documents are labelled, read and written."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any, Final

from common.api import documents
from common.api.atomic import shape
from common.api.negotiation import JSON, ContentNegotiation, labelled
from common.api.parsers import JSONAPIParser, whole
from common.api.renderers import JSONAPIRenderer

if TYPE_CHECKING:
    from collections.abc import Mapping

EXTENSION: Final = "https://jsonapi.org/ext/atomic"


class AtomicNegotiation(ContentNegotiation):
    """The extension is understood here; without its name, only plain JSON goes in."""

    extension = EXTENSION


class AtomicParser(JSONAPIParser):
    """A document of operations."""

    def parse(  # type: ignore[override]  # as its parent does
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> documents.Document:
        root = documents.parse_json(whole(stream, (parser_context or {})["request"]))
        shape.check_root(root)
        return documents.Document(is_jsonapi=True, root=root)


class PlainAtomicParser(AtomicParser):
    """The same document under the plain label."""

    media_type = JSON


class AtomicRenderer(JSONAPIRenderer):
    """Every answer here names the extension."""

    media_type = labelled(EXTENSION)
