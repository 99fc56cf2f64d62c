"""Everything that changes an API key, whichever door it came through."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import Value
from django.db.models.functions import Least
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from common.access import keys
from common.access.errors import InvalidKey, KeyNameTaken, KeyRevoked, UnknownKey
from common.access.models import ApiKey, ApiKeySecret
from common.access.scopes import ALL_SCOPES
from common.database import in_transaction

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

LONGEST_OVERLAP = timedelta(days=7)
LONGEST_NAME = 100
HIGHEST_QUOTA = 10**9
UNLIMITED = 0
ENSURING = 0x61_70_69_6B  # names the advisory lock under which ensure_key works


@sensitive_variables("secret")
@in_transaction
def create_key(
    *,
    name: str,
    scopes: Collection[str],
    created_by: str,
    quota: int | None = None,
    expires_in: timedelta | None = None,
) -> tuple[ApiKey, str]:
    """Make a key; the secret is returned here and can never be had again.

    ``quota`` is requests per minute: None is the default of the installation, 0 is unlimited.
    Refuses with InvalidKey, or with KeyNameTaken, also when the other key has been revoked.

    Locks: nothing that is there (docs/locking.md).
    """
    _check_name(name)
    expires_at = None if expires_in is None else timezone.now() + expires_in
    limits = _checked(scopes=scopes, quota=quota, expires_at=expires_at)
    key, is_new = ApiKey.objects.get_or_create(
        name=name, defaults={**limits, "created_by": created_by}
    )
    if not is_new:
        raise KeyNameTaken(f"There is an API key named {name} already.", attribute="name")
    return key, _issue_secret(key)


@in_transaction
def change_key(
    *, key_id: UUID, scopes: Collection[str], quota: int | None, expires_at: datetime | None
) -> ApiKey:
    """Give a key other scopes, another quota, another end; in force within a second.

    Refuses with InvalidKey, UnknownKey or KeyRevoked.

    Locks: the key (docs/locking.md).
    """
    limits = _checked(scopes=scopes, quota=quota, expires_at=expires_at)
    key = _usable_key(key_id)
    for attribute, value in limits.items():
        setattr(key, attribute, value)
    key.save(update_fields=list(limits))
    return key


@sensitive_variables("secret")
@in_transaction
def rotate_key(*, key_id: UUID, overlap: timedelta = timedelta(0)) -> str:
    """Give a key a new secret, returned only here; the old one works on for ``overlap``.

    ``overlap`` is 0 to 7 days. A secret that an earlier rotation lets work for a shorter time
    keeps its end. The client stays the same one to quotas, idempotency keys and the ledger.
    Refuses with InvalidKey, UnknownKey or KeyRevoked.

    Locks: the key (docs/locking.md).
    """
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise InvalidKey("The old secret may work on for 0 to 7 days.", attribute="overlap")
    key = _usable_key(key_id)
    _end_secrets(key.secrets.all(), timezone.now() + overlap)
    return _issue_secret(key)


@in_transaction
def revoke_key(*, name: str) -> ApiKey:
    """Refuse a key and its secrets, in every process within a second. Again: no effect.

    Refuses with UnknownKey.

    Locks: the key (docs/locking.md).
    """
    key = ApiKey.objects.select_for_update(no_key=True).filter(name=name).first()
    if key is None:
        raise UnknownKey(f"There is no API key named {name}.", attribute="name")
    if key.revoked_at is None:
        key.revoked_at = timezone.now()
        key.save(update_fields=["revoked_at"])
    return key


@sensitive_variables("secret")
@in_transaction
def ensure_key(*, name: str, secret: str, created_by: str = "start-up") -> ApiKey:
    """Let exactly this secret be the one of a key with all scopes and no quota or expiry.

    For secrets that operators give in the environment, at every start and by several processes
    at once. The environment decides, except over a revocation:

    - another secret than before replaces the one that the key of this name had;
    - a secret that belongs to a key of another name stays with that key, so that its client
      remains the same to the ledger; it is that key which gets all scopes;
    - a secret of a revoked key is refused with KeyRevoked: a restart must not bring a leaked
      secret back (nor should it fail for that: warn and go on). Under the same name a new
      secret ends the revocation.

    Refuses with InvalidKey when the secret is shorter than 16 visible ASCII characters.

    Locks: processes that start at the same moment; the key (docs/locking.md).
    """
    _check_name(name)
    if not keys.could_be_a_key(secret):
        raise InvalidKey(
            "The secret needs 16 to 255 visible ASCII characters, and no typing error if it is"
            " one that Stockroom issued.",
            attribute="secret",
        )
    _wait_for_other_processes()
    digest = keys.digest(secret)
    key = _owner_of(digest) or _key_named(name, created_by)
    _end_secrets(ApiKeySecret.objects.filter(key__name=name).exclude(digest=digest), timezone.now())
    ApiKeySecret.objects.update_or_create(
        digest=digest,
        defaults={"expires_at": None},
        create_defaults={"key": key, "digest": digest, "last_four": secret[-4:]},
    )
    return _given_everything(key)


def _check_name(name: str) -> None:
    if not name.isprintable() or name != name.strip() or not 1 <= len(name) <= LONGEST_NAME:
        raise InvalidKey(
            "A name is 1 to 100 printable characters without spaces around them.", attribute="name"
        )


def _checked(
    *, scopes: Collection[str], quota: int | None, expires_at: datetime | None
) -> dict[str, Any]:
    """What a key may do, how often and until when, as its columns have it."""
    if unknown := set(scopes) - ALL_SCOPES:
        raise InvalidKey(f"There is no scope {', '.join(sorted(unknown))}.", attribute="scopes")
    if not scopes:
        raise InvalidKey("A key needs at least one scope.", attribute="scopes")
    if quota is not None and not UNLIMITED <= quota <= HIGHEST_QUOTA:
        raise InvalidKey("The quota is 0 (unlimited) to 1000000000.", attribute="quota")
    if expires_at is not None and expires_at <= timezone.now():
        raise InvalidKey("The key would already have expired.", attribute="expires_at")
    return {"scopes": sorted(set(scopes)), "quota_per_minute": quota, "expires_at": expires_at}


def _usable_key(key_id: UUID) -> ApiKey:
    """The key, locked; a revoked one is refused."""
    key = ApiKey.objects.select_for_update(no_key=True).filter(pk=key_id).first()
    if key is None:
        raise UnknownKey("There is no such API key.")
    if key.revoked_at is not None:
        raise KeyRevoked(f"The API key {key} has been revoked.")
    return key


def _issue_secret(key: ApiKey) -> str:
    issued = keys.issue()
    key.secrets.create(
        public_id=issued.public_id, digest=keys.digest(issued.text), last_four=issued.text[-4:]
    )
    return issued.text


def _end_secrets(secrets: QuerySet[ApiKeySecret], moment: datetime) -> None:
    """Refuse these secrets from then on, or from an earlier end that they had already."""
    secrets.update(expires_at=Least("expires_at", Value(moment)))  # LEAST passes over a null


def _wait_for_other_processes() -> None:
    """From here to the end of the transaction, ensure_key runs in one process at a time."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ENSURING])


def _owner_of(digest: bytes) -> ApiKey | None:
    """The key that has this secret already, locked; a revoked one is refused."""
    locked = ApiKey.objects.select_for_update(of=("self",), no_key=True)
    owner = locked.filter(secrets__digest=digest).first()
    if owner is not None and owner.revoked_at is not None:
        raise KeyRevoked(
            f"This secret belongs to the API key {owner}, which has been revoked. Choose another.",
            attribute="secret",
        )
    return owner


def _key_named(name: str, created_by: str) -> ApiKey:
    defaults = {"scopes": sorted(ALL_SCOPES), "created_by": created_by}
    key, _ = ApiKey.objects.get_or_create(name=name, defaults=defaults)
    return key


def _given_everything(key: ApiKey) -> ApiKey:
    key.scopes = sorted(ALL_SCOPES)
    key.quota_per_minute = UNLIMITED
    key.expires_at = None
    key.revoked_at = None
    key.save(update_fields=["scopes", "quota_per_minute", "expires_at", "revoked_at"])
    return key
