"""The forms by which staff let go of a reservation, or let it last longer."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django import forms

from inventory import operations
from inventory.admin.stock_fields import Choices
from inventory.admin.stock_forms import StockForm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inventory.models import Reservation, ReservationLine

HOUR: Final = 3_600
SPANS: Final = [
    (
        "From now",
        [
            ("900", "15 minutes"),
            (str(HOUR), "1 hour"),
            (str(4 * HOUR), "4 hours"),
            (str(24 * HOUR), "1 day"),
            (str(72 * HOUR), "3 days"),
            (str(168 * HOUR), "7 days"),
        ],
    )
]
NAMED: Final = 10


class ReservationActionForm(StockForm):
    """Something done to a reservation."""

    reference = None  # type: ignore[assignment]  # the order's own
    note = None  # type: ignore[assignment]  # operations on reservations take none
    kind: ClassVar[str]

    def __init__(self, data: Any = None, *, reservation: Reservation) -> None:
        super().__init__(data)
        self.reservation = reservation

    @property
    def figures(self) -> dict[str, Any]:
        """What the preview reckons with."""
        expires_at = self.reservation.expires_at
        return {"kind": self.kind, "expires_at": expires_at.isoformat() if expires_at else None}

    def look_again(self) -> None:
        self.reservation.refresh_from_db(fields=["status", "expires_at"])


class ReleaseForm(ReservationActionForm):
    """The order will not come: what it holds is free for others."""

    title = "Release reservation"
    button = "Release it"
    stay = "Keep it"
    kind = "release"

    @property
    def about(self) -> str:  # type: ignore[override]  # worked out when it is asked for
        held = [line for line in _lines(self.reservation) if line.shipped < line.quantity]
        named = [f"{line.quantity - line.shipped} of {line.product.sku}" for line in held[:NAMED]]
        more = [f"{len(held) - NAMED} more lines"] if len(held) > NAMED else []
        freed = ", ".join([*named, *more])
        return f"Free for others again: {freed}." if freed else "It holds nothing any more."

    def apply(self) -> str:
        was = self.reservation.status
        held = operations.release(reservation_id=self.reservation.pk)
        now = held.reservation.get_status_display().lower()
        order = held.reservation.order_reference
        return f"{order}: {was} → {now}." if now != was else f"{order} is {now} already."


class ExtensionForm(ReservationActionForm):
    """Payment takes longer: the hold lasts so long from now."""

    title = "Extend reservation"
    button = "Extend it"
    kind = "extend"
    arguments: ClassVar = {"lasts": "expires_in"}

    lasts = forms.ChoiceField(choices=SPANS, widget=Choices, label="Let it last")

    def apply(self) -> str:
        span = timedelta(seconds=int(self.cleaned_data["lasts"]))
        held = operations.extend(reservation_id=self.reservation.pk, expires_in=span)
        until = held.reservation.expires_at
        return f"{held.reservation.order_reference}: held until {until:%-d %b %Y, %H:%M} UTC."


def _lines(reservation: Reservation) -> Sequence[ReservationLine]:
    return list(reservation.lines.select_related("product").order_by("pk"))
