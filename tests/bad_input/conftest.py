from __future__ import annotations

import json
from dataclasses import dataclass
from string import Template
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from tests.bad_input.wire import (
    JSON,
    Answer,
    assert_points_at_what_is_there,
    encoded,
    exchange,
    message,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.bad_input.wire import Address
    from tests.running import RunningServer

VERSIONED = (
    "products_product", "products_category", "inventory_location", "inventory_stocklevel",
    "inventory_batch", "inventory_reservation",
)  # fmt: skip
COUNTED = (
    "inventory_stockmovement", "inventory_transfer", "inventory_reservationline",
    "inventory_allocation", "events_event", "idempotency_idempotencyrecord",
)  # fmt: skip


def _figure(table: str, expression: str) -> sql.Composed:
    return sql.SQL("(SELECT {} FROM {})").format(sql.SQL(expression), sql.Identifier(table))


STATE = sql.SQL("SELECT {}").format(
    sql.SQL(", ").join(
        [_figure(table, "count(*) + coalesce(sum(version), 0)") for table in VERSIONED]
        + [_figure(table, "count(*)") for table in COUNTED]
    )
)


@dataclass(frozen=True)
class Shop:
    """A running server with one of everything in it, to be named in addresses: ``$product``."""

    address: Address
    api_key: str
    ids: Mapping[str, str]

    @property
    def headers(self) -> dict[str, str | None]:
        return {"Host": f"{self.address[0]}:{self.address[1]}", "X-API-Key": self.api_key}

    def named(self, text: str | bytes) -> str | bytes:
        """The text with the ids in it."""
        if isinstance(text, bytes):
            return text
        return Template(text).safe_substitute(self.ids)

    def bytes_of(self, body: Any) -> bytes:
        """A body as it is sent, with the ids in it."""
        named = self.named(body if isinstance(body, bytes) else encoded(body).decode())
        return named if isinstance(named, bytes) else named.encode()

    def message(
        self,
        method: str,
        target: str | bytes,
        body: Any = b"",
        headers: Mapping[str, str | None] | None = None,
        **options: Any,
    ) -> bytes:
        data = self.bytes_of(body)
        stated: dict[str, str | None] = {"Content-Type": JSON} if data else {}
        return message(
            method, self.named(target), self.headers | stated | dict(headers or {}), data, **options
        )

    def send(
        self,
        method: str,
        target: str | bytes,
        body: Any = b"",
        headers: Mapping[str, str | None] | None = None,
        *,
        hang_up: bool = False,
        **options: Any,
    ) -> Answer:
        request = self.message(method, target, body, headers, **options)
        answer = exchange(self.address, request, hang_up=hang_up)
        if (headers or {}).get("Transfer-Encoding") is None:
            assert_points_at_what_is_there(answer, self.named(target), self.bytes_of(body))
        return answer

    def made(self, path: str, **attributes: Any) -> str:
        """The id of a new resource."""
        answer = self.send("POST", f"/api/v1/{path}", attributes)
        assert answer.status == 201, answer
        return str(answer.document["data"]["id"])


@pytest.fixture(scope="session")
def shop(running_server: RunningServer) -> Shop:
    parts = urlsplit(running_server.base_url)
    address = (str(parts.hostname), int(parts.port or 0))
    ids: dict[str, str] = {}
    shop = Shop(address, running_server.api_key, ids)
    ids["category"] = shop.made("categories", name="Things", slug="things")
    ids["location"] = shop.made("locations", code="annex", name="Annex")
    ids["product"] = shop.made("products", name="Lamp", description="Bright", price="19.90")
    mug = {"name": "Mug", "description": "White", "price": "4.90"}
    ids["untouched"] = shop.made("products", sku="NO-STOCK", **mug)
    stocked = shop.send("POST", "/api/v1/inventory", {"product_id": "$product", "quantity": 50})
    ids["level"] = stocked.document["data"]["relationships"]["stock_levels"]["data"][0]["id"]
    movements = shop.send("GET", "/api/v1/stock-movements?filter[product]=$product")
    ids["movement"] = movements.document["data"][0]["id"]
    ids["transfer"] = shop.made(
        "transfers",
        product_id=ids["product"],
        from_location="main",
        to_location="annex",
        quantity=9,
    )
    lines = [{"product_id": ids["product"], "quantity": 2}]
    ids["reservation"] = shop.made("reservations", order_reference="kept", lines=lines)
    shipped = shop.made("reservations", order_reference="shipped", lines=lines)
    assert shop.send("POST", f"/api/v1/reservations/{shipped}/ship").status == 200
    ids["shipped"] = shipped
    ids["ordered"] = shop.made("products", name="Cup", description="Blue", price="3.90")
    supply = {"product_id": ids["ordered"], "quantity": 7}
    ids["batch"] = shop.made("batches", reference="coming", eta="2099-01-01", **supply)
    ids["cancelled"] = shop.made("batches", reference="cancelled", eta="2099-01-01", **supply)
    cancelling = shop.send("PATCH", "/api/v1/batches/$cancelled", {"status": "cancelled"})
    assert cancelling.status == 200
    return shop


@pytest.fixture(scope="session")
def rows(running_server: RunningServer) -> Iterator[psycopg.Connection]:
    with psycopg.connect(running_server.environment["DATABASE_URL"], autocommit=True) as connection:
        yield connection


@pytest.fixture
def without_effect(shop: Shop, rows: psycopg.Connection) -> Iterator[None]:
    """Nothing was made, changed or deleted, no event told, no answer kept for a retry."""
    before = rows.execute(STATE).fetchone()
    yield
    assert rows.execute(STATE).fetchone() == before


@pytest.fixture(autouse=True)
def unharmed(running_server: RunningServer, shop: Shop) -> Iterator[None]:
    """The server goes on answering, and its log tells of no error of ours."""
    with running_server.log.open() as log:
        log.seek(0, 2)
        yield
        assert shop.send("GET", "/health").status == 200
        assert [line for line in log if _tells_of_a_crash(line)] == []


def _tells_of_a_crash(line: str) -> bool:
    if not line.startswith("{"):
        return "Traceback" in line
    fields = json.loads(line)
    return fields["level"] in {"error", "critical"} or "exception" in fields
