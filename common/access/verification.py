"""From the secret in a request to the client that sent it."""

from __future__ import annotations

import hmac
import logging
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING, ClassVar

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Q
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from common.access import keys
from common.access.models import ApiKey, ApiKeySecret

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

logger = logging.getLogger(__name__)

REMEMBERED_SECONDS = 0.75  # a revocation is in force within one second
REMEMBERED_KEYS = 1024
USE_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Client:
    """A program that was recognised by its key; to DRF and its templates it is the user.

    ``quota`` is in requests per minute, 0 is unlimited.
    """

    id: UUID
    name: str
    scopes: frozenset[str]
    quota: int

    is_authenticated: ClassVar[bool] = True
    is_anonymous: ClassVar[bool] = False
    is_active: ClassVar[bool] = True
    is_staff: ClassVar[bool] = False

    @property
    def pk(self) -> UUID:
        return self.id

    def __str__(self) -> str:
        return self.name

    def allows(self, scope: str) -> bool:
        return scope in self.scopes


_findings: dict[bytes, tuple[float, Client | None]] = {}


@sensitive_variables("secret")
def verify(secret: str) -> Client | None:
    """Whose secret this is; None when it is unknown, expired or revoked.

    What was found, nothing included, is remembered in this process for less than a second: no
    query is made for a key in use, and a revocation needs nobody to spread it. Call it before
    the request's transaction begins.
    """
    if len(secret) > keys.LONGEST or not secret.isascii():
        return None
    digest = keys.digest(secret)
    finding = _findings.get(digest)
    if finding is not None and monotonic() < finding[0]:
        return finding[1]
    if not keys.could_be_a_key(secret):
        return None
    return _look_up(digest)


def forget_findings() -> None:
    """Ask the database again for every key: for tests, which take rows away."""
    _findings.clear()


def _look_up(digest: bytes) -> Client | None:
    asked_at, now = monotonic(), timezone.now()
    rows = ApiKeySecret.objects.select_related("key").filter(digest=digest)
    secret = rows.filter(key__revoked_at=None).first()
    if secret is None or not hmac.compare_digest(secret.digest, digest):
        return _remembered(digest, None, asked_at + REMEMBERED_SECONDS)
    left = _seconds_left(secret, now)
    if left <= 0:
        return _remembered(digest, None, asked_at + REMEMBERED_SECONDS)
    _note_use(secret.key, now)
    return _remembered(digest, _client(secret.key), asked_at + min(left, REMEMBERED_SECONDS))


def _remembered(digest: bytes, client: Client | None, until: float) -> Client | None:
    if len(_findings) >= REMEMBERED_KEYS:
        _findings.clear()  # made-up keys fill it; those in use come back with one query each
    _findings[digest] = until, client
    return client


def _client(key: ApiKey) -> Client:
    own = key.quota_per_minute
    quota = settings.API_QUOTA_PER_MINUTE if own is None else own
    return Client(id=key.pk, name=key.name, scopes=frozenset(key.scopes), quota=quota)


def _seconds_left(secret: ApiKeySecret, now: datetime) -> float:
    """Until the secret or its key expires, whichever is first."""
    ends = [moment for moment in (secret.expires_at, secret.key.expires_at) if moment is not None]
    return min(((moment - now).total_seconds() for moment in ends), default=float("inf"))


def _note_use(key: ApiKey, now: datetime) -> None:
    """Write down that the key is in use, at most once a minute and never at the request's cost."""
    noted_before = now - USE_NOTED_EVERY
    if key.last_used_at is not None and key.last_used_at > noted_before:
        return
    if connection.in_atomic_block:  # a failure would end a transaction that is not ours
        return
    stale = Q(last_used_at=None) | Q(last_used_at__lte=noted_before)
    try:
        ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)
    except DatabaseError:
        logger.warning("The use of API key %s could not be noted", key.pk, exc_info=True)
