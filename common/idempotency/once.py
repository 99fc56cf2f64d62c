"""Apply a request once, answer it as often as it is sent (draft-ietf-httpapi-idempotency-key)."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db import connection

from common.database import in_transaction, one_round_trip
from common.errors import DomainError
from common.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Callable


RECORD: Final = """
SELECT fingerprint, status, body, location, etag FROM idempotency_idempotencyrecord
WHERE client = %s AND method = %s AND path = %s AND key = %s
"""
KEPT: Final = """
INSERT INTO idempotency_idempotencyrecord
    (id, client, method, path, key, fingerprint, status, body, location, etag)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
"""In plain SQL, like the ledger: both stand in the way of everybody who waits for the stock."""

Record = tuple[bytes, int, bytes, str, str]


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

    Locks: the key's scope, which is only tried; first of all (docs/locking.md).
    """
    is_ours, record = _claimed(scope)
    if record is not None:
        return _given_before(record, fingerprint)
    if not is_ours:
        raise InProgress("A request with this Idempotency-Key is being worked on; try again.")
    if answer := apply():
        _keep(scope, fingerprint, answer)
    return None


def _claimed(scope: Scope) -> tuple[bool, Record | None]:
    """Try to lock the scope until the transaction ends; then look for its record.

    In one round trip, but as two statements: the second one sees what the holder before us has
    committed just now.
    """
    with connection.cursor() as lock, connection.cursor() as look:
        with one_round_trip():
            lock.execute("SELECT pg_try_advisory_xact_lock(%s)", [scope.lock_number])
            look.execute(RECORD, [scope.client, scope.method, scope.path, scope.key])
        (is_ours,) = lock.fetchone()
        return is_ours, look.fetchone()


def _given_before(record: Record, fingerprint: bytes) -> Answer:
    of, status, body, location, etag = record
    if not hmac.compare_digest(bytes(of), fingerprint):
        raise KeyReused(
            "This Idempotency-Key was used for another request. Send a new key with a new request."
        )
    return Answer(status, bytes(body), location, etag)


def _keep(scope: Scope, fingerprint: bytes, answer: Answer) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            KEPT,
            [
                *(new_id(), scope.client, scope.method, scope.path, scope.key, fingerprint),
                *(answer.status, answer.body, answer.location, answer.etag),
            ],
        )
