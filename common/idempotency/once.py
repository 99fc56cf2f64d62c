"""Apply a request once, answer it as often as it is sent (draft-ietf-httpapi-idempotency-key)."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import connection

from common.database import in_transaction
from common.errors import DomainError
from common.idempotency.models import IdempotencyRecord

if TYPE_CHECKING:
    from collections.abc import Callable


class KeyReused(DomainError):
    """The key was used before, for another request."""

    code = "idempotency_key_reused"


class InProgress(DomainError):
    """The first request with this key is still being worked on."""

    code = "idempotency_in_progress"
    status = 409


@dataclass(frozen=True, slots=True)
class Scope:
    """What a key is unique within: the client (not its secret), the method and the path."""

    client: str
    method: str
    path: str
    key: str

    @property
    def lock_number(self) -> int:
        """The scope as PostgreSQL's advisory locks want it: a signed 64-bit number."""
        text = "\n".join((self.client, self.method, self.path, self.key))
        digest = hashlib.sha256(text.encode()).digest()
        return int.from_bytes(digest[:8], "big", signed=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the client got: the bytes, and the headers that belong to them."""

    status: int
    body: bytes
    location: str = ""
    etag: str = ""


def fingerprint(method: str, path: str, query: list[tuple[str, str]], document: Any) -> bytes:
    """What makes two requests the same: method, path, query in any order, the parsed body."""
    canonical = json.dumps(
        [method, path, sorted(query), document], sort_keys=True, separators=(",", ":"), default=repr
    )
    return hashlib.sha256(canonical.encode()).digest()


@in_transaction
def apply_once(
    *, scope: Scope, fingerprint: bytes, apply: Callable[[], Answer | None]
) -> Answer | None:
    """The answer given before to this request; None when ``apply`` has now been called instead.

    ``apply`` does the work and returns the answer to keep, or None for one that leaves the key
    free (nothing was changed). Effect and record commit together. Refuses with KeyReused when the
    key came with another request, with InProgress while a twin is being worked on.
    """
    if given := _given_before(scope, fingerprint):
        return given
    if not _locked(scope):
        raise InProgress("A request with this Idempotency-Key is being worked on; try again.")
    if given := _given_before(scope, fingerprint):
        return given
    if answer := apply():
        _keep(scope, fingerprint, answer)
    return None


def _given_before(scope: Scope, fingerprint: bytes) -> Answer | None:
    record = IdempotencyRecord.objects.filter(
        client=scope.client, method=scope.method, path=scope.path, key=scope.key
    ).first()
    if record is None:
        return None
    if not hmac.compare_digest(bytes(record.fingerprint), fingerprint):
        raise KeyReused(
            "This Idempotency-Key was used for another request. Send a new key with a new request."
        )
    return Answer(record.status, bytes(record.body), record.location, record.etag)


def _locked(scope: Scope) -> bool:
    """Take the scope's lock until the transaction ends, unless a twin holds it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [scope.lock_number])
        (obtained,) = cursor.fetchone()
    return bool(obtained)


def _keep(scope: Scope, fingerprint: bytes, answer: Answer) -> None:
    IdempotencyRecord.objects.create(
        client=scope.client,
        method=scope.method,
        path=scope.path,
        key=scope.key,
        fingerprint=fingerprint,
        status=answer.status,
        body=answer.body,
        location=answer.location,
        etag=answer.etag,
    )
