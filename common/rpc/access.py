"""Who calls: the key in the metadata, what it may do, how often."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from rest_framework.exceptions import AuthenticationFailed, Throttled

from common.access import quota
from common.access.permissions import check_scope
from common.access.verification import Client, verify

if TYPE_CHECKING:
    from collections.abc import Mapping

    from common.access.scopes import Scope

KEY = "x-api-key"


def client_with(metadata: Mapping[str, str], service: str, scope: Scope) -> Client:
    """The program whose key it is, if it may do this; in the order of a request over HTTP.

    Clients of a former service, which had no keys, may count as one client. Refuses with
    AuthenticationFailed and PermissionDenied.
    """
    client = verify(metadata.get(KEY, settings.RPC_FORMER_KEYS.get(service, "")))
    if client is None:
        raise AuthenticationFailed
    check_scope(client, scope)
    return client


def check_quota(verdict: quota.Verdict | None) -> None:
    """Refuse a call past its client's quota, with Throttled."""
    if verdict is not None and not verdict.allowed:
        raise Throttled(verdict.reset_seconds)
