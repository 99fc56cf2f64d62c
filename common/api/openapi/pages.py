"""The document for programs (/schema) and as pages for people (/docs, /redoc).

Open to everybody: they say nothing that the answers of the API would not. The pages take all
they need from this server.
"""

from __future__ import annotations

import json
from functools import lru_cache, wraps
from threading import Lock
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.renderers import OpenApiYamlRenderer2

from common.api.errors import errors_page, problem
from common.api.openapi.generator import Generator

if TYPE_CHECKING:
    from collections.abc import Callable

    View = Callable[[HttpRequest], HttpResponse]

JSON: Final = "application/json"
YAML: Final = "application/yaml"
YAML_NAMES: Final = (YAML, "application/x-yaml", "text/yaml", "text/x-yaml")

_building: Final = Lock()

OWN_HOST_ONLY: Final = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline'",  # the few lines that start them
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "worker-src 'self' blob:",  # ReDoc searches in one
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)


def readable(view: View) -> View:
    """Answer GET and HEAD; refuse other methods as the API does."""

    @wraps(view)
    def answer(request: HttpRequest) -> HttpResponse:
        if request.method in {"GET", "HEAD"}:
            return view(request)
        detail = "Only GET and HEAD are allowed here."
        refusal = errors_page(request, problem(405, "method_not_allowed", detail))
        refusal["Allow"] = "GET, HEAD"
        return refusal

    return csrf_exempt(answer)  # or a POST would be refused for its missing token


@readable
def schema(request: HttpRequest) -> HttpResponse:
    """The OpenAPI document: JSON, or YAML for those who ask for it."""
    media_type = YAML if _wants_yaml(request) else JSON
    response = HttpResponse(document(media_type), content_type=media_type)
    response["Cache-Control"] = "no-cache"
    return response


@readable
def docs(request: HttpRequest) -> HttpResponse:
    """Swagger UI: read, authorise with a key, try."""
    return _page(request, "openapi/docs.html")


@readable
def redoc(request: HttpRequest) -> HttpResponse:
    """ReDoc: read."""
    return _page(request, "openapi/redoc.html")


def _page(request: HttpRequest, template: str) -> HttpResponse:
    title = f"{settings.SPECTACULAR_SETTINGS['TITLE']} API"
    response = render(request, template, {"title": title})
    response["Content-Security-Policy"] = OWN_HOST_ONLY
    return response


def _wants_yaml(request: HttpRequest) -> bool:
    if "format" in request.GET:
        return request.GET["format"] in {"yaml", "yml"}
    accept = request.headers.get("Accept", "").lower()
    return any(name in accept for name in YAML_NAMES) and JSON not in accept


def document(media_type: str) -> bytes:
    """The document as it is sent; it is the same as long as the process lives.

    One thread builds it, for drf-spectacular loads its extensions on the way, and DRF remembers
    whose view it describes, where every thread reads it: the others wait for the first.
    """
    with _building:
        return _document(media_type)


@lru_cache(maxsize=2)
def _document(media_type: str) -> bytes:
    found = Generator().get_schema(public=True)
    if media_type == YAML:
        return bytes(OpenApiYamlRenderer2().render(found))
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode()
