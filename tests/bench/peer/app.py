"""The peer: FastAPI on uvloop and httptools, SQLAlchemy on asyncpg, redis.asyncio on hiredis.

Written to be fast, with nothing left out that makes it faster: finished bytes in the cache,
quota and product in one pipeline to Redis, keys remembered in the process, bodies read by
pydantic's own parser, responses made without FastAPI's serializers, a plain ASGI middleware
instead of Starlette's, prepared statements, SQLAlchemy without its ORM, reads without a
transaction, as many connections as ours has threads, no access log of uvicorn's.

Like ours it counts every request by route, method and status, right whichever process is asked,
and logs it; a decrement writes its event, and the answer to an Idempotency-Key, in its own
transaction. ``PEER_LEAN=1`` leaves out metrics, events and idempotency.

It does less than ours: no locations, no holds, no alerts when stock is low, a line of the log for
each request but none for each event, and an entry of its cache may outlive a change by a moment.
What it leaves out is to its advantage.
"""

from __future__ import annotations

import os
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID

import orjson
import redis.asyncio as redis
from fastapi import Depends, FastAPI, Request, Response
from sqlalchemy import bindparam, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import create_async_engine

from tests.bench.peer import documents, metrics, stock
from tests.bench.peer.access import Client, Refusal, client_of
from tests.bench.peer.once import once
from tests.bench.peer.surroundings import Surroundings
from tests.bench.peer.tables import products

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.bench.peer.once import Answer

MEDIA_TYPE: Final = "application/vnd.api+json"
KEPT_SECONDS: Final = 300
QUOTA_SECONDS: Final = 60

engine = create_async_engine(
    os.environ["PEER_DATABASE"], pool_size=int(os.environ.get("PEER_CONNECTIONS", "8")),
    max_overflow=0, json_serializer=lambda value: orjson.dumps(value).decode(),
)  # fmt: skip
reading = engine.execution_options(isolation_level="AUTOCOMMIT")  # no BEGIN, no ROLLBACK
cache = redis.from_url(os.environ["PEER_REDIS"])

PRODUCT: Final = select(products).where(products.c.id == bindparam("wanted"))
LATER: Final = (
    select(products)
    .where(products.c.id > bindparam("after"))
    .order_by(products.c.id)
    .limit(bindparam("size"))
)


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    yield
    await engine.dispose()
    await cache.aclose()
    metrics.leave()


app = FastAPI(lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None)


@app.exception_handler(Refusal)
async def refused(_request: Request, refusal: Refusal) -> Response:
    return Response(refusal.body, refusal.status, media_type=MEDIA_TYPE)


async def with_key(request: Request) -> Client:
    return await client_of(request, reading)


Known = Annotated[Client, Depends(with_key)]


@app.get("/health")
async def health() -> Response:
    return Response(b'{"status":"healthy"}', media_type="application/json")


@app.get(metrics.ADDRESS)
def all_metrics() -> Response:
    return Response(metrics.exposition(), media_type="text/plain; version=0.0.4")


@app.get("/api/v1/products/{product_id}")
async def one_product(product_id: str, request: Request, client: Known) -> Response:
    client.require("products:read")
    key = f"peer:product:{product_id}"
    used, _, body = await _counting(client).get(key).execute()
    client.check_quota(used)
    if body is None:
        body = await _product_from_database(product_id)
        await cache.set(key, body, ex=KEPT_SECONDS)
    version, _, document = body.partition(b"\n")
    tag = f'"{version.decode()}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", **client.quota_headers(used)}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(document, headers=headers, media_type=MEDIA_TYPE)


@app.get("/api/v1/products")
async def page_of_products(request: Request, client: Known) -> Response:
    client.require("products:read")
    used, _ = await _counting(client).execute()
    client.check_quota(used)
    size = min(int(request.query_params.get("page[size]", "10")), 100)
    after = UUID(request.query_params.get("page[after]", str(UUID(int=0))))
    async with reading.connect() as connection:
        rows = list(await connection.execute(LATER, {"after": after, "size": size + 1}))
    following = str(rows[size - 1].id) if len(rows) > size else None
    body = documents.products(rows[:size], following)
    return Response(body, headers=client.quota_headers(used), media_type=MEDIA_TYPE)


@app.patch("/api/v1/inventory/{product_id}")
async def change_stock(product_id: UUID, request: Request, client: Known) -> Response:
    client.require("inventory:write")
    used, _ = await _counting(client).execute()
    client.check_quota(used)
    wanted = stock.read(await request.body())
    key = None if stock.LEAN else once(request, client.name, wanted)
    cause = stock.Cause(client.name, request.state.request_id, key)
    try:
        answer = await _changed(product_id, wanted, cause)
    except IntegrityError:  # a twin with the same key came first, and its answer is kept by now
        answer = await _changed(product_id, wanted, cause)
    headers = {"ETag": answer.etag} if answer.etag else {}
    if answer.is_replayed:
        headers["Idempotent-Replayed"] = "true"
    headers |= client.quota_headers(used)
    return Response(answer.body, answer.status, headers=headers, media_type=MEDIA_TYPE)


async def _changed(product_id: UUID, wanted: stock.Change, cause: stock.Cause) -> Answer:
    """The answer to a change that is made now, or was made before with the same key."""
    async with engine.begin() as connection:
        if cause.once and (given := await cause.once.given_before(connection)):
            return given
        return await stock.change(connection, product_id, wanted, cause)


def _counting(client: Client) -> Any:
    """A pipeline that counts the request; to be continued with what else is wanted of Redis."""
    key = f"{client.quota_key}:{int(time.time()) // QUOTA_SECONDS}"
    commands: Any = cache.pipeline(transaction=False)
    return commands.incr(key).expire(key, QUOTA_SECONDS)


async def _product_from_database(product_id: str) -> bytes:
    """What is kept of a product: its version, a line break, its document."""
    async with reading.connect() as connection:
        row = (await connection.execute(PRODUCT, {"wanted": UUID(product_id)})).one_or_none()
    if row is None:
        raise Refusal(404, "not_found", "There is no such product.")
    return b"%d\n%s" % (row.version, documents.product(row))


application = Surroundings(app, is_metered=not stock.LEAN)
