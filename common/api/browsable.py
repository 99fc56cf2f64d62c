"""The raw form of the browsable API."""

from __future__ import annotations

import json
from typing import Any

from django import forms

from common.api.negotiation import JSON, JSONAPI


class RawForm(forms.Form):
    """Its names and marks are those that DRF's page script looks for (``ajax-form.js``)."""

    _content_type = forms.ChoiceField(
        label="Media type",
        choices=[(JSONAPI, JSONAPI), (JSON, JSON)],
        widget=forms.Select(attrs={"data-override": "content-type"}),
    )
    _content = forms.CharField(
        label="Content",
        required=False,
        widget=forms.Textarea(attrs={"data-override": "content", "rows": 14}),
    )


def raw_form(view: Any, method: str, document: Any, refused: Any = None) -> RawForm:
    """A form whose content the page sends as it is, with the chosen media type.

    It begins with the body that was just refused, or with what is on the page.
    """
    body = refused or {"data": _starting_point(view, method, document)}
    content = json.dumps(body, indent=2, ensure_ascii=False, default=str)
    media_type = JSONAPI if "data" in body else JSON
    return RawForm(initial={"_content_type": media_type, "_content": content})


def _starting_point(view: Any, method: str, document: Any) -> Any:
    """What to edit: the resource or linkage on the page, or an empty one of the right type."""
    shown = document.get("data") if isinstance(document, dict) else None
    if view.takes_linkage:
        return shown
    resource: dict[str, Any] = {"type": view.resource_type, "attributes": {}}
    if method == "PATCH":
        resource["id"] = str(view.kwargs["pk"])
        resource["attributes"] = _editable(view, shown or {})
    return resource


def _editable(view: Any, resource: dict[str, Any]) -> dict[str, Any]:
    names = getattr(view.update_serializer_class, "_declared_fields", ())
    attributes = resource.get("attributes", {})
    return {name: attributes[name] for name in names if name in attributes}
