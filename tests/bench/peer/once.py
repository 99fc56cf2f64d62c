"""Idempotency-Key of the peer: a change is made once, and answered as often as it is sent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, select
from uuid_utils.compat import uuid7

from tests.bench.peer.access import Refusal
from tests.bench.peer.tables import records

if TYPE_CHECKING:
    from fastapi import Request
    from pydantic import BaseModel
    from sqlalchemy.ext.asyncio import AsyncConnection

KEY: Final = re.compile(r'("?)([!#-+\--~]{1,255})\1')
SCOPE: Final = ("client", "method", "path", "key")
RECORD: Final = select(
    records.c.fingerprint, records.c.status, records.c.body, records.c.etag
).where(*(records.c[name] == bindparam(name) for name in SCOPE))


@dataclass(frozen=True, slots=True)
class Answer:
    """What the client gets: the bytes, and the headers that belong to them."""

    status: int
    body: bytes
    etag: str = ""
    is_replayed: bool = False


@dataclass(frozen=True, slots=True)
class Once:
    """A request with a key: what the key is unique within, and what is asked for."""

    scope: dict[str, str]
    fingerprint: bytes

    async def given_before(self, connection: AsyncConnection) -> Answer | None:
        """The answer that is kept for this request. Refuses a key of another request."""
        row = (await connection.execute(RECORD, self.scope)).one_or_none()
        if row is None:
            return None
        if not compare_digest(row.fingerprint, self.fingerprint):
            raise Refusal(422, "idempotency_key_reused", "This key came with another request.")
        return Answer(row.status, row.body, row.etag, is_replayed=True)

    def record(self, answer: Answer) -> dict[str, Any]:
        """The row to be kept, in the transaction of what it answers for."""
        kept = {"status": answer.status, "body": answer.body, "etag": answer.etag}
        return {"id": uuid7(), "fingerprint": self.fingerprint, **self.scope, **kept}


def once(request: Request, client: str, wanted: BaseModel) -> Once | None:
    """The request's Idempotency-Key, None where there is none. Refuses one of another form.

    ``wanted`` is what the body means: two that mean the same are the same.
    """
    given = request.headers.get("idempotency-key")
    if given is None:
        return None
    key = KEY.fullmatch(given)
    if key is None:
        raise Refusal(400, "invalid", "Idempotency-Key is 1 to 255 visible ASCII characters.")
    method, path, query = request.method, request.url.path, request.url.query
    asked = "\n".join((method, path, query, wanted.model_dump_json()))
    scope = {"client": client, "method": method, "path": path, "key": key[2]}
    return Once(scope, sha256(asked.encode()).digest())
