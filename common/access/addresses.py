"""Where a request comes from."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from rest_framework.throttling import BaseThrottle

if TYPE_CHECKING:
    from django.http import HttpRequest


def client_address(request: HttpRequest) -> str | None:
    """The IP address of the client, or None when there is none (a socket) or it is no address.

    Behind proxies it is the one that the outermost of ``NUM_PROXIES`` has seen: whatever the
    client itself has put into X-Forwarded-For stands before that, and is not believed.
    """
    said = BaseThrottle().get_ident(request) or ""  # type: ignore[arg-type]  # reads META alone
    try:
        return str(ip_address(said.partition("%")[0]))  # without the zone of a link-local one
    except ValueError:
        return None
