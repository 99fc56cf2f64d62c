"""The tables of the peer, and how the bench fills them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    create_engine,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

if TYPE_CHECKING:
    from collections.abc import Sequence

metadata = MetaData()

products = Table(
    "products",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("sku", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("price", Numeric(10, 2), nullable=False),
    Column("images", ARRAY(Text), nullable=False),
    Column("barcode", Text, unique=True),
    Column("status", Text, nullable=False),
    Column("category_id", Uuid),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column("version", BigInteger, nullable=False),
)
stock = Table(
    "stock",
    metadata,
    Column("product_id", Uuid, ForeignKey("products.id"), primary_key=True),
    Column("on_hand", BigInteger, nullable=False),
    Column("reserved", BigInteger, nullable=False, server_default="0"),
    Column("version", BigInteger, nullable=False, server_default="1"),
    Column("movement_count", BigInteger, nullable=False, server_default="0"),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("reserved >= 0 AND reserved <= on_hand", name="stock_reserved_on_hand"),
)
movements = Table(
    "movements",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("product_id", Uuid, ForeignKey("products.id"), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("delta", BigInteger, nullable=False),
    Column("on_hand_after", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("movement_sequence", "product_id", "sequence", unique=True),
)
events = Table(
    "events",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("type", Text, nullable=False),
    Column("subject_type", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("data", JSONB, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("occurred_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("position", BigInteger, Identity(), nullable=False),
    Column("sequence", BigInteger),
    Index("event_subject", "subject_type", "subject_id", "id"),
)
Index("event_unnumbered", events.c.position, postgresql_where=events.c.sequence.is_(None))
records = Table(
    "records",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("client", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("etag", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    UniqueConstraint("client", "key", "method", "path", name="record_scope"),
    Index("record_age", "created_at"),
)
api_keys = Table(
    "api_keys",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("name", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("quota_per_minute", BigInteger, nullable=False),
)


def fill(
    address: str,
    rows: Sequence[dict[str, Any]],
    *,
    on_hand: int,
    digest: bytes,
    quota: int,
) -> None:
    """Make the tables in an empty database: these products, so much stock of each, one key."""
    engine = create_engine(address)
    with engine.begin() as connection:
        metadata.create_all(connection)
        connection.execute(products.insert(), list(rows))
        connection.execute(
            stock.insert(), [{"product_id": row["id"], "on_hand": on_hand} for row in rows]
        )
        scopes = ["products:read", "inventory:read", "inventory:write"]
        key = {"digest": digest, "name": "bench", "scopes": scopes, "quota_per_minute": quota}
        connection.execute(api_keys.insert(), [key])
    engine.dispose()
