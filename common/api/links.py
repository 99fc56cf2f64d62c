"""Addresses of resources: a type's name is its path segment, so no look-up is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from uuid import UUID

PREFIX: Final = "/api/v1"
ANY_ORIGIN: Final = "\x7f"
"""Stands for scheme and host in finished bytes that are kept for all hosts: a control character,
which no text of ours can contain and which JSON does not escape."""


def origin(request: Any) -> str:
    """Scheme and host as the client sees them, without a slash at the end."""
    host: str = request.get_host()  # refuses a Host that is not in ALLOWED_HOSTS
    return f"{request.scheme}://{host}"


def resource_url(start: str, resource_type: str, pk: UUID | str) -> str:
    """The address of one resource; ``start`` is an origin."""
    return f"{start}{PREFIX}/{resource_type}/{pk}"


def relationship_links(resource: str, name: str) -> dict[str, str]:
    """The links of a relationship of the resource at this address."""
    return {"self": f"{resource}/relationships/{name}", "related": f"{resource}/{name}"}
