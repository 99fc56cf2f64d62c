"""Who is told of events, at which address, signed with which secret."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings

from common.database import database_now, in_transaction
from common.errors import VersionMismatch
from common.webhooks import rules
from common.webhooks.errors import UnknownEndpoint
from common.webhooks.models import WebhookEndpoint

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from uuid import UUID

OVERLAP: Final = timedelta(hours=24)
"""For how long a secret that was replaced signs beside the new one."""


@in_transaction
def create_endpoint(
    *,
    url: str,
    created_by: str,
    description: str = "",
    event_types: Iterable[str] = (),
    is_active: bool = True,
) -> WebhookEndpoint:
    """Let an address be told of what happens from now on; no ``event_types`` means all of them.

    Refuses with Invalid.

    Locks: nothing that is there (docs/locking.md).
    """
    now = database_now()
    endpoint = WebhookEndpoint(
        url=_url(url),
        description=description,
        event_types=rules.event_types(event_types),
        is_active=is_active,
        secret=rules.new_secret(),
        created_by=created_by,
        created_at=now,
        updated_at=now,
    )
    endpoint.save(force_insert=True)
    return endpoint


@in_transaction
def change_endpoint(
    *, endpoint_id: UUID, changes: Mapping[str, Any], expected_version: int | None = None
) -> WebhookEndpoint:
    """Give an endpoint another URL, description or event types, or switch it on or off.

    Switched on, it gets what was waiting for it, and its failures are forgotten; what happened
    meanwhile takes a replay. Refuses with UnknownEndpoint, VersionMismatch and Invalid.

    Locks: the endpoint (docs/locking.md).
    """
    wanted = dict(changes)
    if "url" in wanted:
        wanted["url"] = _url(wanted["url"])
    if "event_types" in wanted:
        wanted["event_types"] = rules.event_types(wanted["event_types"])
    endpoint = locked(endpoint_id, expected_version)
    changed = {name for name, value in wanted.items() if getattr(endpoint, name) != value}
    if not changed:
        return endpoint
    for name in changed:
        setattr(endpoint, name, wanted[name])
    if "is_active" in changed and endpoint.is_active:
        endpoint.disabled_reason, endpoint.failing_since = "", None
        changed |= {"disabled_reason", "failing_since"}
    return _saved(endpoint, changed)


@in_transaction
def rotate_secret(*, endpoint_id: UUID, expected_version: int | None = None) -> WebhookEndpoint:
    """Give an endpoint a new secret; for 24 hours more the one before it signs too.

    A secret that an earlier rotation replaced signs no more. Refuses with UnknownEndpoint and
    VersionMismatch.

    Locks: the endpoint (docs/locking.md).
    """
    endpoint = locked(endpoint_id, expected_version)
    endpoint.previous_secret, endpoint.secret = endpoint.secret, rules.new_secret()
    endpoint.previous_secret_until = database_now() + OVERLAP
    return _saved(endpoint, {"secret", "previous_secret", "previous_secret_until"})


@in_transaction
def delete_endpoint(*, endpoint_id: UUID, expected_version: int | None = None) -> None:
    """Tell an address nothing any more, not even what waits; its deliveries are swept later.

    Refuses with UnknownEndpoint and VersionMismatch.

    Locks: the endpoint (docs/locking.md).
    """
    endpoint = locked(endpoint_id, expected_version)
    endpoint.is_active, endpoint.deleted_at = False, database_now()
    _saved(endpoint, {"is_active", "deleted_at"})


def locked(endpoint_id: UUID, expected_version: int | None = None) -> WebhookEndpoint:
    """The endpoint, locked until the transaction ends; a deleted one is not found."""
    rows = WebhookEndpoint.objects.select_for_update(of=("self",), no_key=True)
    endpoint = rows.filter(pk=endpoint_id, deleted_at=None).first()
    if endpoint is None:
        raise UnknownEndpoint("There is no such webhook endpoint.")
    if expected_version is not None and endpoint.version != expected_version:
        raise VersionMismatch("The endpoint has changed since; fetch it and decide again.")
    return endpoint


def _saved(endpoint: WebhookEndpoint, changed: Iterable[str]) -> WebhookEndpoint:
    endpoint.version += 1
    endpoint.updated_at = database_now()
    endpoint.save(update_fields=[*changed, "version", "updated_at"])
    return endpoint


def _url(text: str) -> str:
    return rules.url(text, allow_private=settings.WEBHOOK_ALLOW_PRIVATE)
