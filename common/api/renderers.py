"""Answers: JSON:API documents under two labels, and pages for people with a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework import renderers as drf
from rest_framework.request import override_method

from common.api.browsable import raw_form
from common.api.encoding import encoded
from common.api.negotiation import JSON, JSONAPI

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.forms import Form


class JSONAPIRenderer(drf.BaseRenderer):
    """The document that the view has put together, as bytes."""

    media_type = JSONAPI
    format = "vnd.api+json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        if data is None:
            return b""
        return encoded(data, indent=(renderer_context or {}).get("indent"))


class PlainLabelRenderer(JSONAPIRenderer):
    """The same documents for clients that accept ``application/json`` alone."""

    media_type = JSON
    format = "json"


class BrowsableRenderer(drf.BrowsableAPIRenderer):
    """The document on a page, with a raw form that sends JSON:API or plain JSON.

    The raw form is the one door, as it is for programs: DRF's generated ones would speak of
    what serializers show and not of what operations take.
    """

    def get_default_renderer(self, view: Any) -> JSONAPIRenderer:
        return JSONAPIRenderer()

    def get_rendered_html_form(self, data: Any, view: Any, method: str, request: Any) -> Any:
        """Whether there is a button; it exists for DELETE alone."""
        if method != "DELETE":
            return False
        with override_method(view, request, method) as asked:
            return self.show_form_for_method(view, method, asked, None)

    def get_raw_data_form(self, data: Any, view: Any, method: str, request: Any) -> Form | None:
        with override_method(view, request, method) as asked:
            if not self.show_form_for_method(view, method, asked, None):
                return None
            is_refused = request.method == method and isinstance(data, dict) and "errors" in data
            return raw_form(view, method, data, refused=_sent(request) if is_refused else None)

    def get_filter_form(self, data: Any, view: Any, request: Any) -> None:
        """Filters are written into the address."""


def _sent(request: Any) -> Any:
    """The body of the request, to be mended and sent again; None when it could not be read."""
    return getattr(getattr(request, "_full_data", None), "root", None)
