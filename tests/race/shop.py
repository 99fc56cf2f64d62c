"""What is for sale in a race, and what the database says of it afterwards."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg

from tests.race.history import (
    Batch,
    Event,
    HeldLine,
    History,
    Hold,
    Level,
    Movement,
    Place,
    Promise,
    Step,
)
from tests.race.operations import ANNEX, OPENING
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.race.history import Entry, Sighting
    from tests.running import RunningServer

LEVELS = """
SELECT product_id::text, code, on_hand, reserved, level.version, movement_count,
    incoming
FROM inventory_stocklevel AS level JOIN inventory_location AS place ON place.id = location_id
"""
MOVEMENTS = """
SELECT line.id::text, product_id::text, code, sequence, delta, on_hand_after, reason, reference,
    request_id
FROM inventory_stockmovement AS line JOIN inventory_location AS place ON place.id = location_id
"""
EVENTS = """
SELECT data->>'movement_id', (data->>'before')::bigint, (data->>'after')::bigint, request_id
FROM events_event WHERE type = 'stock.changed'
"""
HOLDS = """
SELECT order_reference, status, array_agg(ARRAY[
    product_id::text, quantity::text, shipped::text, unallocated::text,
    (SELECT coalesce(sum(quantity), 0) FROM inventory_allocation WHERE line_id = line.id)::text
])
FROM inventory_reservation AS hold
JOIN inventory_reservationline AS line ON line.reservation_id = hold.id
GROUP BY hold.id
"""
PROMISES = """
SELECT order_reference, hold.status, line.product_id::text, code, batch.reference, share.quantity
FROM inventory_allocation AS share
JOIN inventory_reservationline AS line ON line.id = share.line_id
JOIN inventory_reservation AS hold ON hold.id = line.reservation_id
LEFT JOIN inventory_batch AS batch ON batch.id = share.batch_id
LEFT JOIN inventory_stocklevel AS level ON level.id = share.stock_level_id
JOIN inventory_location AS place ON place.id = coalesce(level.location_id, batch.location_id)
"""
BATCHES = """
SELECT reference, product_id::text, code, quantity, received_quantity, allocated, status
FROM inventory_batch JOIN inventory_location AS place ON place.id = location_id
"""
STEPS = """
SELECT type, coalesce(data->>'order_reference', data->>'reference'), request_id,
    coalesce((data->>'is_complete')::boolean, false)
FROM events_event WHERE type LIKE 'reservation.%' OR type LIKE 'batch.%'
"""
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


@dataclass(frozen=True, slots=True)
class Shop:
    """A running server, the ids of its products and of their stock levels."""

    base_url: str
    api_key: str
    products: Mapping[int, str]
    levels: Mapping[Place, str]

    @property
    def numbers(self) -> dict[str, int]:
        """The number of each product, by its id."""
        return {pk: number for number, pk in self.products.items()}


def opened(server: RunningServer) -> Shop:
    """Fill an empty Stockroom with the products that clients will race for."""
    connection = HTTPConnection(urlsplit(server.base_url).netloc, timeout=30)
    headers = {"Content-Type": "application/json", "X-API-Key": server.api_key}

    def made(path: str, **body: Any) -> dict[str, Any]:
        connection.request("POST", f"/api/v1/{path}", json.dumps(body), headers)
        answer = connection.getresponse()
        document = json.loads(answer.read())
        if answer.status != 201:
            raise RuntimeError(f"The shop cannot be opened: {document}")
        return dict(document["data"])

    made("locations", code=ANNEX, name="Annex", priority=200)
    products: dict[int, str] = {}
    levels: dict[Place, str] = {}
    for number, opening in OPENING.items():
        product = {"name": f"Mug {number}", "description": "Holds tea", "price": "9.90"}
        products[number] = made("products", **product)["id"]
        for location, quantity in opening.items():
            stock = {"product_id": products[number], "location": location, "quantity": quantity}
            linked = made("inventory", **stock)["relationships"]["stock_levels"]["data"]
            known = set(levels.values())
            (levels[Place(number, location)],) = {one["id"] for one in linked} - known
    connection.close()
    return Shop(server.base_url, server.api_key, products, levels)


def read(
    address: str, shop: Shop, entries: Sequence[Entry], sightings: Sequence[Sighting]
) -> History:
    """The history of a race, whose server has been stopped."""
    numbers = shop.numbers
    with psycopg.connect(address, autocommit=True) as connection:
        return History(
            entries=entries,
            sightings=sightings,
            levels=[
                Level(place := Place(numbers[pk], code), OPENING[place.product][code], *figures)
                for pk, code, *figures in connection.execute(LEVELS)
            ],
            movements=[
                Movement(line, Place(numbers[pk], code), *more)
                for line, pk, code, *more in connection.execute(MOVEMENTS)
            ],
            events=[Event(*row) for row in connection.execute(EVENTS)],
            holds=[
                Hold(order, status, tuple(_held(numbers[pk], figures) for pk, *figures in lines))
                for order, status, lines in connection.execute(HOLDS)
            ],
            promises=[
                Promise(order, status, Place(numbers[pk], code), *more)
                for order, status, pk, code, *more in connection.execute(PROMISES)
            ],
            batches=[
                Batch(reference, Place(numbers[pk], code), *figures)
                for reference, pk, code, *figures in connection.execute(BATCHES)
            ],
            steps=[Step(*row) for row in connection.execute(STEPS)],
            deadlocks=_deadlocks(connection),
        )


def _held(product: int, figures: Sequence[str]) -> HeldLine:
    return HeldLine(product, *map(int, figures))


def _deadlocks(connection: psycopg.Connection[Any]) -> int:
    """As PostgreSQL counted them; a session adds its own count when it ends."""
    wait_until(lambda: connection.execute(OTHERS).fetchall() == [(0,)], 30)
    ((count,),) = connection.execute(DEADLOCKS).fetchall()
    return int(count)
