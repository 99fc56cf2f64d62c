"""Addresses of resources: a type's name is its path segment, so no look-up is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import DisallowedHost
from django.utils.encoding import iri_to_uri

from common.api import parameters

if TYPE_CHECKING:
    from uuid import UUID

PREFIX: Final = "/api/v1"
ANY_ORIGIN: Final = "\x7f"
"""Stands for scheme and host in finished bytes that are kept for all hosts: a control character,
which no text of ours can contain and which JSON does not escape."""


LONGEST_HOST: Final = 253 + len(":65535")
"""The longest name that the DNS knows, and a port."""


def origin(request: Any) -> str:
    """Scheme and host as the client sees them, without a slash at the end."""
    host: str = request.get_host()  # refuses a Host that is not in ALLOWED_HOSTS
    if len(host) > LONGEST_HOST:
        raise DisallowedHost("No host has so long a name.")
    return f"{request.scheme}://{host}"


def address(request: Any) -> str:
    """The address of the request, without its query and without a slash at the end."""
    return iri_to_uri(f"{origin(request)}{request.path.rstrip('/')}")


def own(request: Any) -> str:
    """Where the same document can be had again: the request's address with its query."""
    query = request.META.get("QUERY_STRING", "")
    if parameters.PLAIN.keys() & request.GET.keys():
        query = parameters.canonical(request.GET)
    escaped = iri_to_uri(query).replace("[", "%5B").replace("]", "%5D")  # RFC 3986 §3.4
    return f"{address(request)}?{escaped}" if query else address(request)


def resource_url(start: str, resource_type: str, pk: UUID | str) -> str:
    """The address of one resource; ``start`` is an origin."""
    return f"{start}{PREFIX}/{resource_type}/{pk}"


def relationship_links(resource: str, name: str) -> dict[str, str]:
    """The links of a relationship of the resource at this address."""
    return {"self": f"{resource}/relationships/{name}", "related": f"{resource}/{name}"}
