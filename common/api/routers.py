"""Addresses: every route with and without a slash at its end, never by redirect."""

from __future__ import annotations

from typing import Any, Final

from django.urls import URLPattern, re_path

UUID: Final = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


def resource_routes(view: Any) -> list[URLPattern]:
    """The routes of one resource type, as far as its view has the methods for them.

    Collection, resource, the actions marked on the view, and for each relationship its own URL
    and the related one.
    """
    name = view.resource_type
    one = rf"^{name}/(?P<pk>{UUID})"
    routes = [
        _route(rf"^{name}", view, name, {"get": "list", "post": "create"}),
        _route(
            one,
            view,
            f"{name}-detail",
            {"get": "retrieve", "patch": "partial_update", "delete": "destroy"},
        ),
    ]
    for action in view.get_extra_actions():
        mapping = dict(action.mapping)
        routes.append(
            _route(rf"{one}/{action.url_path}", view, f"{name}-{action.url_name}", mapping)
        )
    if view.relationships:
        relation = f"(?P<related_field>{'|'.join(view.relationships)})"
        routes += [
            _route(
                rf"{one}/relationships/{relation}",
                view,
                f"{name}-relationships",
                {
                    "get": "relationship",
                    "post": "refuse_relationship",
                    "patch": "change_relationship",
                    "delete": "refuse_relationship",
                },
            ),
            _route(rf"{one}/{relation}", view, f"{name}-related", {"get": "related"}),
        ]
    return [route for route in routes if route is not None]


def _route(pattern: str, view: Any, name: str, methods: dict[str, str]) -> URLPattern | None:
    bound: dict[str, Any] = {
        method: action for method, action in methods.items() if hasattr(view, action)
    }
    return re_path(rf"{pattern}/?$", view.as_view(bound), name=name) if bound else None
