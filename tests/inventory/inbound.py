"""What tests of messages from elsewhere share: sending one, and seeing what came of it."""

from __future__ import annotations

from typing import Any

from common.inbox.handling import Outcome, Verdict, handle
from inventory.models import Reservation
from inventory.operations import Wanted, reserve
from tests.common.inbox.messages import message
from tests.factories import StockLevelFactory

ORDER = {"order_reference": "ORDER-1"}
PLACED = {**ORDER, "lines": [{"sku": "MUG", "quantity": 2}]}


def tell(kind: str, data: dict[str, Any], /, **attributes: Any) -> Verdict:
    """Hand a message over as the consumer does."""
    return handle(message(kind, data, **attributes))


def told(kind: str, data: dict[str, Any], /, **attributes: Any) -> Verdict:
    """The same, of a message that has to be applied."""
    verdict = tell(kind, data, **attributes)
    assert verdict.outcome == Outcome.APPLIED, verdict
    return verdict


def mugs(on_hand: int = 10) -> Any:
    """So many mugs on the shelf."""
    return StockLevelFactory(product__sku="MUG", on_hand=on_hand)


def held(order: str = "ORDER-1", quantity: int = 2) -> Reservation:
    """A hold of mugs, made by another door."""
    found, _ = reserve(order_reference=order, lines=[Wanted(quantity, sku="MUG")])
    return found.reservation


def statuses(order: str = "ORDER-1") -> list[str]:
    """Those of all reservations of the order, the oldest first."""
    rows = Reservation.objects.filter(order_reference=order).order_by("pk")
    return list(rows.values_list("status", flat=True))


def figures(level: Any) -> tuple[int, int]:
    """Units on hand, and those of them that are reserved, now."""
    level.refresh_from_db()
    return level.on_hand, level.reserved
