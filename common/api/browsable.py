"""The raw form of the browsable API."""

from __future__ import annotations

import json
from typing import Any

from django import forms

from common.api.negotiation import JSON, JSONAPI


def raw_form(view: Any, method: str, data: Any) -> forms.Form:
    """A form whose content DRF's page script sends as it is, with the chosen media type."""
    return RawForm(initial={"_content": _starting_point(view, method, data)})


class RawForm(forms.Form):
    """Named as DRF's page script expects."""

    _content_type = forms.ChoiceField(
        label="Media type", choices=[(JSONAPI, JSONAPI), (JSON, JSON)], initial=JSONAPI
    )
    _content = forms.CharField(
        label="Content", required=False, widget=forms.Textarea(attrs={"rows": 14})
    )


def _starting_point(view: Any, method: str, data: Any) -> str:
    """A document to edit: the resource on the page, or an empty one of the right type."""
    resource: dict[str, Any] = {"type": view.resource_type, "attributes": {}}
    if method == "PATCH":
        resource["id"] = str(view.kwargs.get("pk", ""))
        resource["attributes"] = _editable(view, data)
    return json.dumps({"data": resource}, indent=2, default=str)


def _editable(view: Any, data: Any) -> dict[str, Any]:
    names = getattr(view.update_serializer_class, "_declared_fields", {})
    return {name: data[name] for name in names if isinstance(data, dict) and name in data}
