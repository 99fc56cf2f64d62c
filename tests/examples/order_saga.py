"""An order, step by step: hold, charge, confirm, ship, and the ways back (docs/saga.md).

Every step has a key of its own, made from the order and the number of the hold. What comes next
is saved after each step. So whoever crashed, wherever that was, starts again from what was saved
and repeats at most one request, with the key that it had.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from tests.examples.stockroom_client import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from tests.examples.stockroom_client import Stockroom


PAID_SECONDS: Final = 900
"""For a hold that is paid for already: until this program gets to confirm it."""


class Bank(Protocol):
    """A payment provider, which knows keys too."""

    def charge(self, amount: int, *, key: str) -> bool: ...

    def refund(self, amount: int, *, key: str) -> None: ...


@dataclass(frozen=True)
class Order:
    """``lines`` as Stockroom wants them: ``product_id`` or ``sku``, and ``quantity``."""

    reference: str
    lines: Sequence[Mapping[str, Any]]
    amount: int
    hold_seconds: int = 900
    """As long as the buyer may take to pay."""


@dataclass(frozen=True)
class Progress:
    """What is to be done next, and what that needs to know."""

    step: str = "hold"
    attempt: int = 1
    """The number of the hold. A new one has new keys."""
    reservation: str = ""
    is_paid: bool = False


class Journal:
    """The progress of an order, in a file; an order service has a table for it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Progress:
        if not self._path.exists():
            return Progress()
        return Progress(**json.loads(self._path.read_text()))

    def save(self, progress: Progress) -> None:
        """All of it or nothing: a crash leaves the old one."""
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps(asdict(progress)))
        new.replace(self._path)


class OrderSaga:
    def __init__(self, order: Order, journal: Journal, stockroom: Stockroom, bank: Bank) -> None:
        self._order = order
        self._journal = journal
        self._stockroom = stockroom
        self._bank = bank

    def run(self) -> str:
        """Go on from where it stands until the order has ended; tells how.

        Raises NoAnswer when Stockroom cannot be reached for long: run it again later.
        """
        progress = self._journal.load()
        while progress.step not in ENDS:
            progress = STEPS[progress.step](self, progress)
            self._journal.save(progress)
        return progress.step

    def hold(self, now: Progress) -> Progress:
        """All lines or none. Paid already: this is another hold, for one that expired."""
        wanted = {
            "order_reference": self._order.reference,
            "lines": self._order.lines,
            "expires_in": PAID_SECONDS if now.is_paid else self._order.hold_seconds,
        }
        try:
            held = self._stockroom.post(
                "reservations", wanted, key=self._key(f"hold:{now.attempt}")
            )
        except Refused as refusal:
            if refusal.code != "insufficient_stock":
                raise
            return replace(now, step="refund" if now.is_paid else "sold_out")
        return replace(
            now, step="confirm" if now.is_paid else "charge", reservation=str(held["id"])
        )

    def charge(self, now: Progress) -> Progress:
        if self._bank.charge(self._order.amount, key=self._key("charge")):
            return replace(now, step="confirm", is_paid=True)
        return replace(now, step="release")

    def confirm(self, now: Progress) -> Progress:
        """From here on the units are the buyer's; a hold that expired meanwhile is made anew."""
        try:
            self._act(now, "confirm")
        except Refused as refusal:
            if refusal.code != "reservation_expired":
                raise
            return replace(now, step="hold", attempt=now.attempt + 1)
        return replace(now, step="ship")

    def ship(self, now: Progress) -> Progress:
        self._act(now, "ship")
        return replace(now, step="shipped")

    def release(self, now: Progress) -> Progress:
        self._act(now, "release")
        return replace(now, step="cancelled")

    def refund(self, now: Progress) -> Progress:
        self._bank.refund(self._order.amount, key=self._key("refund"))
        return replace(now, step="refunded")

    def _act(self, now: Progress, action: str) -> None:
        path = f"reservations/{now.reservation}/{action}"
        self._stockroom.post(path, key=self._key(f"{action}:{now.attempt}"))

    def _key(self, step: str) -> str:
        return f"{self._order.reference}:{step}"


STEPS: Final[Mapping[str, Callable[[OrderSaga, Progress], Progress]]] = {
    "hold": OrderSaga.hold,
    "charge": OrderSaga.charge,
    "confirm": OrderSaga.confirm,
    "ship": OrderSaga.ship,
    "release": OrderSaga.release,
    "refund": OrderSaga.refund,
}
ENDS: Final = {"shipped", "cancelled", "sold_out", "refunded"}
