"""How stock changes: a transaction of SELECT FOR UPDATE, UPDATE and INSERT.

The INSERT writes the movement, its event and, for a request with a key, the answer to be kept:
three tables in one round trip, while others wait for the row.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import bindparam, func, select
from uuid_utils.compat import uuid7

from tests.bench.peer import documents
from tests.bench.peer.access import Refusal
from tests.bench.peer.once import Answer
from tests.bench.peer.tables import events, movements, products, records, stock

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Insert, Row, Table
    from sqlalchemy.ext.asyncio import AsyncConnection

    from tests.bench.peer.once import Once

LEAN: Final = os.environ.get("PEER_LEAN") == "1"
"""Without events, metrics and idempotency: what those cost is the difference."""


def _not_zero(units: int) -> int:
    if not units:
        raise ValueError("a whole number other than 0")
    return units


class Change(BaseModel):
    """Input of a change: units, more or fewer."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    quantity_delta: Annotated[int, Field(ge=-(10**9), le=10**9), AfterValidator(_not_zero)]
    reason: Annotated[str | None, Field(max_length=32)] = None
    reference: Annotated[str, Field(max_length=128)] = ""


@dataclass(frozen=True, slots=True)
class Cause:
    """Who changes stock, by which request; ``once`` where it came with an Idempotency-Key."""

    actor: str
    request_id: str
    once: Once | None


def _row_of(table: Table) -> Insert:
    """One row, of values that are named TABLE_COLUMN; the rest is the database's to fill in."""
    columns = [c for c in table.columns if c.server_default is None and not c.nullable]
    values = {c.name: bindparam(f"{table.name}_{c.name}", type_=c.type) for c in columns}
    return table.insert().inline().values(values)


def _rows_of(*tables: Table) -> Insert:
    """A row of each table, in one statement."""
    statement = _row_of(tables[0])
    for table in tables[1:]:
        statement = statement.add_cte(_row_of(table).cte(f"new_{table.name}"))
    return statement


LOCKED: Final = (
    select(stock, products.c.sku)
    .join(products)
    .where(stock.c.product_id == bindparam("wanted"))
    .with_for_update(of=stock)
)
CHANGE: Final = (
    stock.update()
    .where(stock.c.product_id == bindparam("wanted"))
    .values(
        on_hand=bindparam("left"),
        version=stock.c.version + 1,
        movement_count=bindparam("sequence"),
        updated_at=func.clock_timestamp(),
    )
    .returning(stock.c.updated_at)
)
WRITTEN: Final = _rows_of(movements) if LEAN else _rows_of(events, movements)
WRITTEN_AND_KEPT: Final = _rows_of(events, movements, records)
KEPT: Final = _row_of(records)


def read(body: bytes) -> Change:
    """The change that is asked for. Refuses anything else."""
    try:
        return Change.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = "/".join(map(str, first["loc"]))
        raise Refusal(422, "invalid", f"{place}: {first['msg']}") from None


async def change(
    connection: AsyncConnection, product_id: UUID, wanted: Change, cause: Cause
) -> Answer:
    """Change the stock of one product, or refuse; a refusal for want of stock is kept as well.

    Locks the stock until the transaction ends.
    """
    row = (await connection.execute(LOCKED, {"wanted": product_id})).one_or_none()
    if row is None:
        raise Refusal(404, "not_found", "There is no such inventory.")
    if row.on_hand + wanted.quantity_delta < row.reserved:
        return await _refused(connection, row, cause)
    now = {"left": row.on_hand + wanted.quantity_delta, "sequence": row.movement_count + 1}
    updated_at = await connection.scalar(CHANGE, now | {"wanted": product_id})
    version = row.version + 1
    body = documents.inventory(str(product_id), now["left"], row.reserved, version, updated_at)
    answer = Answer(200, body, f'"{version}"')
    moved = _moved(row, wanted, cause)
    rows = _named(movements, moved) | ({} if LEAN else _named(events, _told(row, moved)))
    if cause.once:
        rows |= _named(records, cause.once.record(answer))
    await connection.execute(WRITTEN_AND_KEPT if cause.once else WRITTEN, rows)
    return answer


async def _refused(connection: AsyncConnection, row: Row[Any], cause: Cause) -> Answer:
    left = row.on_hand - row.reserved
    answer = Answer(422, documents.refusal(422, "insufficient_stock", "Too few.", available=left))
    if cause.once:
        await connection.execute(KEPT, _named(records, cause.once.record(answer)))
    return answer


def _moved(row: Row[Any], wanted: Change, cause: Cause) -> dict[str, Any]:
    """The movement."""
    return {
        "id": uuid7(),
        "product_id": row.product_id,
        "sequence": row.movement_count + 1,
        "delta": wanted.quantity_delta,
        "on_hand_after": row.on_hand + wanted.quantity_delta,
        "reason": wanted.reason or ("sale" if wanted.quantity_delta < 0 else "receipt"),
        "reference": wanted.reference,
        "actor": cause.actor,
        "request_id": cause.request_id,
    }


def _told(row: Row[Any], moved: dict[str, Any]) -> dict[str, Any]:
    """The event of a movement, for others to hear of."""
    return {
        "id": uuid7(),
        "type": "stock.changed",
        "subject_type": "inventory",
        "subject_id": str(row.product_id),
        "data": {
            "sku": row.sku,
            "location": "main",
            "before": row.on_hand,
            "after": moved["on_hand_after"],
            "movement_id": str(moved["id"]),
            "reason": moved["reason"],
            "reference": moved["reference"],
        },
        "request_id": moved["request_id"],
        "actor": moved["actor"],
    }


def _named(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    return {f"{table.name}_{name}": value for name, value in row.items()}
