"""How an operation is asked for over HTTP, and what its answer tells."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from tests.race.operations import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.race.history import Entry
    from tests.race.shop import Shop

Request = tuple[str, str, dict[str, Any] | None]
"""Method, path and body; the same for every request of one operation."""

ENDED: Final = {"reservation_expired", "reservation_not_active"}
REFUSALS: Final[Mapping[Kind, set[str]]] = {
    Kind.SALE: {"insufficient_stock"},
    Kind.RECEIPT: set(),
    Kind.COUNT: {"stale_quantity", "below_reserved"},
    Kind.TRANSFER: {"insufficient_stock"},
    Kind.RESERVE: {"insufficient_stock"},
    Kind.CONFIRM: ENDED,
    Kind.EXTEND: ENDED,
    Kind.RELEASE: {"reservation_not_active"},
    Kind.SHIP: {*ENDED, "exceeds_ordered", "not_on_hand"},
    Kind.BATCH: set(),
    Kind.RECEIVE: {"exceeds_ordered", "batch_received"},
    Kind.CUT: {"invalid", "batch_received"},
    Kind.POSTPONE: {"batch_received"},
    Kind.CANCEL: {"batch_received"},
}
"""What Stockroom may say no with."""
NOT_KEPT: Final = {"invalid"}
"""Refusals before any effect, after which the key is free (RULES I6)."""


EPOCH: Final = date(2100, 1, 1)


def request(shop: Shop, entry: Entry, made: str) -> Request:
    """``made`` is the id of the hold or the batch that the operation is about."""
    method, path, body = FORMS[entry.operation.kind]
    product = shop.products[entry.operation.product]
    return method, path.format(made=made, product=product), body(shop, entry)


def _change(_: Shop, entry: Entry) -> dict[str, Any]:
    wish = entry.operation
    body: dict[str, Any] = {"reference": entry.reference}
    if wish.location is not None:
        body["location"] = wish.location
    if entry.guard is None:
        body["quantity_delta"] = -wish.quantity if wish.kind == Kind.SALE else wish.quantity
        return body
    guard = {"quantity": entry.guard.quantity, "expected_quantity": entry.guard.expected}
    return body | guard | ({"release_latest": True} if wish.releases else {})


def _transfer(shop: Shop, entry: Entry) -> dict[str, Any]:
    wish = entry.operation
    return {
        "product_id": shop.products[wish.product],
        "from_location": wish.location,
        "to_location": wish.to_location,
        "quantity": wish.quantity,
        "reference": entry.reference,
    }


def _basket(shop: Shop, entry: Entry) -> dict[str, Any]:
    wish = entry.operation
    return {
        "order_reference": entry.reference,
        "lines": _lines(shop, wish.lines),
        "expires_in": wish.seconds,
        "allow_incoming": wish.allow_incoming,
    }


def _lines(shop: Shop, lines: Sequence[tuple[int, int]]) -> list[dict[str, Any]]:
    return [{"product_id": shop.products[product], "quantity": units} for product, units in lines]


def _shipment(shop: Shop, entry: Entry) -> dict[str, Any] | None:
    return {"lines": _lines(shop, entry.operation.lines)} if entry.operation.lines else None


def _batch(shop: Shop, entry: Entry) -> dict[str, Any]:
    wish = entry.operation
    return {
        "product_id": shop.products[wish.product],
        "reference": entry.reference,
        "quantity": wish.quantity,
        "location": wish.location,
        "eta": _in_days(wish.days),
    }


def _receipt(_: Shop, entry: Entry) -> dict[str, Any] | None:
    return {"quantity": entry.operation.quantity} if entry.operation.quantity else None


def _in_days(days: int) -> str:
    """Counted from a day that stays: a retry has to say the same."""
    return str(EPOCH + timedelta(days=days))


FORMS: Final[Mapping[Kind, tuple[str, str, Callable[[Shop, Entry], dict[str, Any] | None]]]] = {
    Kind.SALE: ("PATCH", "inventory/{product}", _change),
    Kind.RECEIPT: ("PATCH", "inventory/{product}", _change),
    Kind.COUNT: ("PATCH", "inventory/{product}", _change),
    Kind.TRANSFER: ("POST", "transfers", _transfer),
    Kind.RESERVE: ("POST", "reservations", _basket),
    Kind.CONFIRM: ("POST", "reservations/{made}/confirm", lambda *_: None),
    Kind.EXTEND: (
        "POST",
        "reservations/{made}/extend",
        lambda _, entry: {"expires_in": entry.operation.seconds},
    ),
    Kind.RELEASE: ("POST", "reservations/{made}/release", lambda *_: None),
    Kind.SHIP: ("POST", "reservations/{made}/ship", _shipment),
    Kind.BATCH: ("POST", "batches", _batch),
    Kind.RECEIVE: ("POST", "batches/{made}/receive", _receipt),
    Kind.CUT: ("PATCH", "batches/{made}", lambda _, entry: {"quantity": entry.operation.quantity}),
    Kind.POSTPONE: (
        "PATCH",
        "batches/{made}",
        lambda _, entry: {"eta": _in_days(entry.operation.days)},
    ),
    Kind.CANCEL: ("PATCH", "batches/{made}", lambda *_: {"status": "cancelled"}),
}
"""Method, path and body of each kind."""


def told(shop: Shop, entry: Entry, document: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of an answer that acknowledges the operation."""
    data = document["data"]
    stated = data["attributes"]
    match entry.operation.kind:
        case Kind.TRANSFER:
            linked = data["relationships"]["movements"]["data"]
            return {"movements": [one["id"] for one in linked]}
        case Kind.SALE | Kind.RECEIPT | Kind.COUNT:
            return {name: stated[name] for name in ("quantity", "version")}
        case Kind.RESERVE | Kind.CONFIRM | Kind.EXTEND | Kind.RELEASE | Kind.SHIP:
            lines = {shop.numbers[line["product_id"]]: _line(line) for line in stated["lines"]}
            return {"id": data["id"], "status": stated["status"], "lines": lines}
    names = ("quantity", "received_quantity", "allocated", "status")
    return {"id": data["id"]} | {name: stated[name] for name in names}


def _line(line: Mapping[str, Any]) -> dict[str, int]:
    allocated = sum(share["quantity"] for share in line["allocations"])
    names = ("quantity", "shipped", "unallocated")
    return {name: line[name] for name in names} | {"allocated": allocated}


def told_why(shop: Shop, errors: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The figures of a refusal; of a basket, those of each line that is short."""
    figures = dict(errors[0].get("meta", {}))
    if "product_id" in figures:
        figures["short"] = {
            shop.numbers[why["meta"]["product_id"]]: (
                why["meta"]["requested"],
                why["meta"]["available"],
            )
            for why in errors
        }
    return figures
