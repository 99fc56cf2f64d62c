"""The forms by which staff let go of a reservation, or let it last longer."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django import forms
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from inventory import operations
from inventory.admin.display import some_of
from inventory.admin.stock_fields import Choices
from inventory.admin.stock_forms import StockForm
from inventory.models import Reservation
from inventory.querysets import OPEN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inventory.models import ReservationLine

HOUR: Final = 3_600
SPANS: Final = [
    (
        gettext_lazy("From now"),
        [
            ("900", gettext_lazy("15 minutes")),
            (str(HOUR), gettext_lazy("1 hour")),
            (str(4 * HOUR), gettext_lazy("4 hours")),
            (str(24 * HOUR), gettext_lazy("1 day")),
            (str(72 * HOUR), gettext_lazy("3 days")),
            (str(168 * HOUR), gettext_lazy("7 days")),
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

    title = gettext_lazy("Release reservation")
    button = gettext_lazy("Release it")
    stay = gettext_lazy("Keep it")
    kind = "release"

    seen_version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, reservation: Reservation) -> None:
        super().__init__(data, reservation=reservation)
        self.initial["seen_version"] = reservation.version

    def look_again(self) -> None:
        self.reservation.refresh_from_db(fields=["status", "expires_at", "version"])
        self.data = dict(self.data.items()) | {"seen_version": str(self.reservation.version)}

    @property
    def about(self) -> str:  # type: ignore[override]  # worked out when it is asked for
        held = [line for line in _lines(self.reservation) if line.shipped < line.quantity]
        named = [some_of(line.quantity - line.shipped, line.product.sku) for line in held[:NAMED]]
        others = len(held) - NAMED
        if others > 0:
            more = ngettext("%(count)s more line", "%(count)s more lines", others)
            named.append(more % {"count": others})
        if not named:
            return _("It holds nothing any more.")
        return _("Free for others again: %(lines)s.") % {"lines": ", ".join(named)}

    def apply(self) -> str:
        was = self.reservation.status
        seen = self.cleaned_data["seen_version"]
        held = operations.release(
            reservation_id=self.reservation.pk,
            expected_version=seen if was in OPEN else None,  # what has ended stays as it is
        )
        now = held.reservation.status
        told = {
            "order": held.reservation.order_reference,
            "before": Reservation.Status(was).label.lower(),
            "after": held.reservation.get_status_display().lower(),
        }
        if now == was:
            return _("%(order)s is %(after)s already.") % told
        return _("%(order)s: %(before)s → %(after)s.") % told


class ExtensionForm(ReservationActionForm):
    """Payment takes longer: the hold lasts so long from now."""

    title = gettext_lazy("Extend reservation")
    button = gettext_lazy("Extend it")
    kind = "extend"
    arguments: ClassVar = {"lasts": "expires_in"}

    lasts = forms.ChoiceField(choices=SPANS, widget=Choices, label=gettext_lazy("Let it last"))

    def apply(self) -> str:
        span = timedelta(seconds=int(self.cleaned_data["lasts"]))
        held = operations.extend(reservation_id=self.reservation.pk, expires_in=span)
        until = held.reservation.expires_at
        return _("%(order)s: held until %(until)s UTC.") % {
            "order": held.reservation.order_reference,
            "until": date_format(until, "j M Y, H:i") if until else "–",
        }


def _lines(reservation: Reservation) -> Sequence[ReservationLine]:
    return list(reservation.lines.select_related("product").order_by("pk"))
