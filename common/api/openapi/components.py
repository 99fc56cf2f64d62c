"""Parts of the document that stand in one place and are referred to from others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from drf_spectacular.plumbing import ComponentIdentity, ComponentRegistry, ResolvedComponent

if TYPE_CHECKING:
    from collections.abc import Callable

Schema = dict[str, Any]
"""A JSON Schema, or another object of the document."""
Kind = Literal["schemas", "responses", "parameters", "headers"]


class Components:
    """The components of one document, each built when it is first referred to."""

    def __init__(self, registry: ComponentRegistry) -> None:
        self._registry = registry

    def refer(
        self, kind: Kind, name: str, build: Callable[[], Schema], source: Any = None
    ) -> Schema:
        """A reference to the component. Two different sources of one name end in a warning."""
        component = ResolvedComponent(name, kind, object=source or ComponentIdentity(name))
        if component not in self._registry:
            component.schema = build()
            self._registry.register(component)
        return {"$ref": f"#/components/{kind}/{name}"}

    def schema(self, name: str, build: Callable[[], Schema], source: Any = None) -> Schema:
        return self.refer("schemas", name, build, source)
