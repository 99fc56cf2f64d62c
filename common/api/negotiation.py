"""Which media type a request carries and which one its answer takes (API.md §1)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.utils.http import parse_header_parameters
from rest_framework.negotiation import BaseContentNegotiation

from common.api.errors import NotAcceptable, UnsupportedMediaType

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rest_framework.parsers import BaseParser
    from rest_framework.renderers import BaseRenderer
    from rest_framework.request import Request

JSONAPI: Final = "application/vnd.api+json"
JSON: Final = "application/json"
HTML: Final = "text/html"
OFFERED: Final = (JSONAPI, JSON, HTML)
"""In the order of our preference, which decides between equal weights."""
OFFERED_TO_BROWSERS: Final = (HTML, JSONAPI, JSON)
"""Whoever names pages and no kind of document wants a page, though ``*/*`` weighs as much."""


@lru_cache(maxsize=256)
def acceptable(accept: str, extension: str = "") -> str | None:
    """The media type to answer with, or None when nothing that is asked for can be given.

    ``application/vnd.api+json`` unless only another is named; an instance of it that carries a
    parameter other than ``ext`` or ``profile``, or any other ``extension``, is ignored as the
    standard says.
    """
    ranges = [_media_range(part, extension) for part in _split(accept or "*/*")]
    weights = {offer: _weight(offer, ranges) for offer in OFFERED}
    named = {media_type for media_type, _ in ranges}
    is_browser = HTML in named and not named & {JSONAPI, JSON}
    offered = OFFERED_TO_BROWSERS if is_browser else OFFERED
    best = max(offered, key=lambda offer: weights[offer])  # max keeps the first of equals
    return best if weights[best] > 0 else None


@lru_cache(maxsize=256)
def preferred(accept: str, offered: tuple[str, ...]) -> str | None:
    """The media type that weighs most of those offered, the first of equals; None if none will do.

    For what is no JSON:API document.
    """
    ranges = [_media_range(part, "") for part in _split(accept or "*/*")]
    best = max(offered, key=lambda offer: _weight(offer, ranges))
    return best if _weight(best, ranges) > 0 else None


def _split(header: str) -> list[str]:
    """The members of a comma list; commas inside quotes do not part them."""
    parts, quoted, start = [], False, 0
    for index, character in enumerate(header):
        if character == '"':
            quoted = not quoted
        elif character == "," and not quoted:
            parts.append(header[start:index])
            start = index + 1
    return [part for part in (*parts, header[start:]) if part.strip()]


def _media_range(part: str, extension: str) -> tuple[str, float]:
    media_type, parameters = _parsed(part)
    quality = _quality(parameters.pop("q", "1"))
    if media_type == JSONAPI and _not_understood(parameters, extension):
        return "", 0.0
    return media_type, quality


def _parsed(value: str) -> tuple[str, dict[str, str]]:
    """A media type in lower case and its parameters; nothing when it cannot be read."""
    try:
        return parse_header_parameters(value)
    except ValueError:
        return "", {}


def _not_understood(parameters: dict[str, str], extension: str) -> set[str]:
    """The parameters of a JSON:API media type that forbid to use it."""
    if parameters.get("ext", "").split() == [extension]:
        return parameters.keys() - {"profile", "ext"}
    return parameters.keys() - {"profile"}


def _quality(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0


def _weight(offer: str, ranges: list[tuple[str, float]]) -> float:
    """The weight that the most specific matching range gives to what we offer."""
    family = offer.partition("/")[0] + "/*"
    for pattern in (offer, family, "*/*"):
        matching = [quality for media_type, quality in ranges if media_type == pattern]
        if matching:
            return max(matching)
    return 0.0


def check_content_type(content_type: str, extension: str = "") -> str:
    """The media type of a request body: JSON:API, or plain JSON; otherwise refuse it.

    Where there is an ``extension``, JSON:API has to name it.
    """
    check_parameters(content_type, extension)
    media_type, parameters = _parsed(content_type)
    is_complete = media_type != JSONAPI or not extension or "ext" in parameters
    if media_type not in {JSONAPI, JSON} or not is_complete:
        raise UnsupportedMediaType(f"Send {labelled(extension)} or {JSON}.")
    return media_type


def check_parameters(content_type: str, extension: str = "") -> None:
    """Refuse JSON:API with a parameter or an extension that we do not know, body or not."""
    media_type, parameters = _parsed(content_type)
    if media_type == JSONAPI and (forbidden := _not_understood(parameters, extension)):
        raise UnsupportedMediaType(
            f"Send {labelled(extension)}."
            if extension
            else f"{JSONAPI} is understood without the parameter {min(forbidden)!r}."
        )


def labelled(extension: str) -> str:
    """The label of JSON:API documents that use this extension, or none."""
    return f'{JSONAPI}; ext="{extension}"' if extension else JSONAPI


class ContentNegotiation(BaseContentNegotiation):
    """DRF's door to the two functions above. ``extension`` is the one that a view understands."""

    extension: ClassVar[str] = ""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        media_type = check_content_type(request.content_type, self.extension)
        return next((parser for parser in parsers if parser.media_type == media_type), None)

    def select_renderer(
        self,
        request: Request,
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        wanted = acceptable(request.headers.get("Accept", ""), self.extension)
        label = labelled(self.extension) if wanted == JSONAPI else wanted
        for renderer in renderers:
            if renderer.media_type == label:
                return renderer, label
        raise NotAcceptable(f"Accept {JSONAPI}, {JSON} or {HTML}.", header="Accept")


def answer_media_type(request: Any, extension: str = "") -> str:
    """The media type for a document produced outside a view, such as an error page."""
    wanted = acceptable(request.headers.get("Accept", ""), extension)
    return JSON if wanted == JSON else labelled(extension)
