"""Keys, scopes, quotas and refusals of the peer."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from hashlib import sha256
from hmac import digest
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, select

from tests.bench.peer import documents
from tests.bench.peer.tables import api_keys

if TYPE_CHECKING:
    from fastapi import Request
    from sqlalchemy.ext.asyncio import AsyncEngine

PEPPER: Final = os.environ.get("PEER_PEPPER", "pepper").encode()
REMEMBERED_SECONDS: Final = 0.75  # as long as ours remembers them
KEY: Final = select(api_keys).where(api_keys.c.digest == bindparam("digest"))


class Refusal(Exception):
    """An answer other than the one that was asked for."""

    def __init__(self, status: int, code: str, detail: str, **meta: object) -> None:
        self.status = status
        self.body = documents.refusal(status, code, detail, **meta)


@dataclass(frozen=True, slots=True)
class Client:
    name: str
    scopes: frozenset[str]
    quota: int
    quota_key: str

    def require(self, scope: str) -> None:
        if scope not in self.scopes:
            raise Refusal(403, "permission_denied", f"This takes the scope {scope}.")

    def check_quota(self, used: int) -> None:
        if used > self.quota:
            raise Refusal(429, "throttled", "Too many requests in this minute.")

    def quota_headers(self, used: int) -> dict[str, str]:
        return {
            "RateLimit-Policy": f'"default";q={self.quota};w=60',
            "RateLimit": f'"default";r={max(0, self.quota - used)};t=60',
        }


_known: dict[bytes, tuple[float, Client]] = {}


async def client_of(request: Request, engine: AsyncEngine) -> Client:
    """Who sends this request; remembered for less than a second."""
    hashed = key_digest(request.headers.get("x-api-key", ""))
    until, client = _known.get(hashed, (0.0, None))
    now = time.monotonic()
    if client is not None and now < until:
        return client
    async with engine.connect() as connection:
        row = (await connection.execute(KEY, {"digest": hashed})).one_or_none()
    if row is None:
        raise Refusal(401, "not_authenticated", "This takes an API key.")
    quota_key = f"peer:quota:{row.name}"
    client = Client(row.name, frozenset(row.scopes), row.quota_per_minute, quota_key)
    _known[hashed] = now + REMEMBERED_SECONDS, client
    return client


def key_digest(secret: str) -> bytes:
    return digest(PEPPER, secret.encode(), sha256)
