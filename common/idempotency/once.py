"""Apply a request once, answer it as often as it is sent (draft-ietf-httpapi-idempotency-key)."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from common.database import in_transaction, one_round_trip, preparing_cursor, write
from common.errors import DomainError
from common.ids import new_id
from common.observability.metrics import idempotent_requests

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


LOCKS: Final = """
SELECT pg_try_advisory_xact_lock(number)
FROM unnest(%s::bigint[]) WITH ORDINALITY AS wanted (number, place) ORDER BY place
"""
RECORDS: Final = """
SELECT place, fingerprint, status, body, location, etag
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[])
    WITH ORDINALITY AS wanted (client, method, path, key, place)
JOIN idempotency_idempotencyrecord USING (client, method, path, key)
"""
KEPT: Final = """
INSERT INTO idempotency_idempotencyrecord
    (id, client, method, path, key, fingerprint, status, body, location, etag)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
"""In plain SQL, like the ledger: both stand in the way of everybody who waits for the stock."""

BUSY: Final = "A request with this Idempotency-Key is being worked on; try again."

Record = tuple[bytes, int, bytes, str, str]


class KeyReused(DomainError):
    """The key was used before, for another request."""

    code = "idempotency_key_reused"
    outcome = "key_reused"


class InProgress(DomainError):
    """The first request with this key is still being worked on."""

    code = "idempotency_in_progress"
    outcome = "in_progress"
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


@dataclass(frozen=True, slots=True)
class Claim:
    """A request that is to be applied once: its scope, and what tells it from others there."""

    scope: Scope
    fingerprint: bytes


def fingerprint(method: str, path: str, query: list[tuple[str, str]], document: Any) -> bytes:
    """What makes two requests the same: method, path, query in any order, the parsed body."""
    canonical = json.dumps(
        [method, path, sorted(query), document], sort_keys=True, separators=(",", ":"), default=repr
    )
    return hashlib.sha256(canonical.encode()).digest()


def apply_once(
    *, scope: Scope, fingerprint: bytes, apply: Callable[[], Answer | None]
) -> Answer | None:
    """The answer given before to this request; None when ``apply`` has now been called instead.

    ``apply`` does the work and returns the answer to keep, or None for one that leaves the key
    free (nothing was changed). Effect and record commit together. Refuses with KeyReused when the
    key came with another request, with InProgress while a twin is being worked on.
    """
    try:
        given, made = applied_once(scope, fingerprint, apply)
    except (KeyReused, InProgress) as refusal:
        count(refusal.outcome)
        raise
    count("replayed" if given else "applied" if made else "not_kept")
    return given


def count(outcome: str) -> None:
    """Count what came of a request with a key."""
    idempotent_requests.labels(outcome).inc()


@in_transaction
def applied_once(
    scope: Scope, fingerprint: bytes, apply: Callable[[], Answer | None]
) -> tuple[Answer | None, Answer | None]:
    """As ``apply_once``, and not counted: the answer given before, the answer kept now.

    Locks: the key's scope, which is only tried; first of all (docs/locking.md).
    """
    (found,) = claimed([Claim(scope, fingerprint)])
    if isinstance(found, Answer):
        return found, None
    if found is not None:
        raise found
    answer = apply()
    if answer:
        keep(Claim(scope, fingerprint), answer)
    return None, answer


def claimed(claims: Sequence[Claim]) -> list[Answer | KeyReused | InProgress | None]:
    """For each the answer given before, or why there is none now; None for what is to be applied.

    That is nobody else's until the transaction ends. All in one round trip, but as two
    statements: the second one sees what the holders before us have committed just now.
    """
    scopes = [claim.scope for claim in claims]
    with preparing_cursor() as lock, preparing_cursor() as look:
        with one_round_trip():
            lock.execute(LOCKS, [[scope.lock_number for scope in scopes]])
            look.execute(RECORDS, _columns(scopes))
        are_ours = [is_ours for (is_ours,) in lock.fetchall()]
        records: dict[int, Record] = {place - 1: record for place, *record in look.fetchall()}
    findings: list[Answer | KeyReused | InProgress | None] = []
    for number, claim in enumerate(claims):
        # PostgreSQL gives a transaction the same lock twice
        is_ours = are_ours[number] and claim.scope not in scopes[:number]
        if number in records:
            findings.append(_given_before(records[number], claim.fingerprint))
        else:
            findings.append(None if is_ours else InProgress(BUSY))
    return findings


def _columns(scopes: Sequence[Scope]) -> list[list[str]]:
    rows = [(scope.client, scope.method, scope.path, scope.key) for scope in scopes]
    return [list(column) for column in zip(*rows, strict=True)]


def _given_before(record: Record, fingerprint: bytes) -> Answer | KeyReused:
    of, status, body, location, etag = record
    if not hmac.compare_digest(bytes(of), fingerprint):
        return KeyReused(
            "This Idempotency-Key was used for another request. Send a new key with a new request."
        )
    return Answer(status, bytes(body), location, etag)


def keep(claim: Claim, answer: Answer) -> None:
    """Give this answer to whoever sends the request again; it commits with what was done."""
    scope = claim.scope
    own = (new_id(), scope.client, scope.method, scope.path, scope.key, claim.fingerprint)
    write(KEPT, [*own, answer.status, answer.body, answer.location, answer.etag])
