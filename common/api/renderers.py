"""Answers: JSON:API documents under two labels, and pages for people with a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework import renderers as drf
from rest_framework_json_api import renderers as jsonapi
from rest_framework_json_api.utils import is_relationship_field

from common.api import links
from common.api.errors import finished_errors
from common.api.negotiation import JSON, JSONAPI

if TYPE_CHECKING:
    from collections.abc import Mapping


class Finished(dict[str, Any]):
    """A document that an endpoint built itself: only the top level is still added."""


class _TopLevel(drf.JSONRenderer):
    """What every document has at its top: version, the address it was fetched from, included."""

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        context = renderer_context or {}
        if data is not None:
            data = self.finished(data, context)
        return super().render(data, accepted_media_type, context)

    def finished(self, data: dict[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
        request = context["request"]
        if "errors" in data:
            return finished_errors(data["errors"], request)
        own = {"self": context["view"].self_link(data)} if self.has_address(data, request) else {}
        document = {"jsonapi": {"version": "1.1"}}
        if all_links := own | data.get("links", {}):
            document["links"] = all_links
        document |= {name: value for name, value in data.items() if name != "links"}
        if "include" in request.query_params and "data" in data:
            document.setdefault("included", [])  # type: ignore[arg-type]  # a list beside objects
        return document

    @staticmethod
    def has_address(data: Mapping[str, Any], request: Any) -> bool:
        """A fetch can be repeated; so can reading what a change has made."""
        return request.method in {"GET", "HEAD"} or data.get("data") is not None


class JSONAPIRenderer(jsonapi.JSONRenderer, _TopLevel):
    """Documents from DRF serializers, with the links that follow from type and id."""

    media_type = JSONAPI
    format = "vnd.api+json"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        if isinstance(data, Finished) or (isinstance(data, dict) and "errors" in data):
            return _TopLevel.render(self, data, accepted_media_type, renderer_context)
        return super().render(data, accepted_media_type, renderer_context)  # type: ignore[no-any-return]

    @classmethod
    def build_json_resource_obj(
        cls,
        fields: Any,
        resource: Any,
        resource_instance: Any,
        resource_name: str,
        serializer: Any,
        force_type_resolution: bool = False,  # noqa: FBT001, FBT002  the library's signature
    ) -> dict[str, Any]:
        url = links.resource_url(serializer.context["origin"], resource_name, resource_instance.pk)
        shown = cls._filter_sparse_fields(serializer, fields, resource_name)
        built: dict[str, Any] = {"type": resource_name, "id": str(resource_instance.pk)}
        attributes = cls.extract_attributes(shown, resource)
        if attributes:
            built["attributes"] = attributes
        relationships = {
            name: _relationship(url, name, resource)
            for name, field in shown.items()
            if is_relationship_field(field)
        }
        if relationships:
            built["relationships"] = relationships
        built["links"] = {"self": url}
        return built


def _relationship(url: str, name: str, resource: Mapping[str, Any]) -> dict[str, Any]:
    relationship: dict[str, Any] = {"links": links.relationship_links(url, name)}
    if name in resource:
        relationship["data"] = resource[name]
    return relationship


class PlainLabelRenderer(JSONAPIRenderer):
    """The same documents for clients that accept ``application/json`` alone."""

    media_type = JSON
    format = "json"


class BrowsableRenderer(drf.BrowsableAPIRenderer):
    """The document on a page, with a raw form that sends JSON:API or plain JSON."""

    def get_default_renderer(self, view: Any) -> JSONAPIRenderer:
        return JSONAPIRenderer()

    def render_form_for_serializer(self, serializer: Any) -> None:
        """No generated forms: the raw form is the one door, as it is for programs."""

    def get_rendered_html_form(self, data: Any, view: Any, method: str, request: Any) -> Any:
        if method == "DELETE" and self.show_form_for_method(view, method, request, None):
            return True  # a button
        return None

    def get_raw_data_form(self, data: Any, view: Any, method: str, request: Any) -> Any:
        from common.api.browsable import raw_form  # noqa: PLC0415  forms only when a page is drawn

        if not self.show_form_for_method(view, method, request, None):
            return None
        return raw_form(view, method, data)

    def get_filter_form(self, data: Any, view: Any, request: Any) -> None:
        """Filters are written into the address."""
