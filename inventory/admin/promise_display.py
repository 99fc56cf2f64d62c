"""How batches and reservations look on the pages of the back office."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from common.backoffice.display import figure, label, moment, two_lines
from inventory.querysets import OPEN

if TYPE_CHECKING:
    from datetime import date

    from django.utils.safestring import SafeString

    from inventory.models import Batch

BATCH_TONES: Final = {"incoming": "note", "received": "good", "cancelled": "plain"}
RESERVATION_TONES: Final = {
    "active": "note",
    "confirmed": "good",
    "shipped": "plain",
    "released": "plain",
    "expired": "plain",
}


def today() -> date:
    """The day that decides what is late, everywhere: of UTC."""
    return timezone.now().date()


def day(date: date | None) -> str:
    return date_format(date, "j M Y") if date else "–"


def days(count: int) -> str:
    return ngettext("%(count)s day", "%(count)s days", count) % {"count": count}


def batch_state(batch: Batch) -> SafeString:
    word = batch.get_status_display()
    if batch.status == "incoming" and batch.received_quantity:
        why = _("%(count)s of %(total)s have been received") % {
            "count": batch.received_quantity,
            "total": batch.quantity,
        }
        return label(_("Partly received"), tone="note", reason=why)
    return label(word, tone=BATCH_TONES[batch.status])


def lateness(batch: Batch) -> int:
    """How many days ago what is outstanding was expected; not above zero: it is not late."""
    return (today() - batch.eta).days if batch.eta and batch.outstanding else 0


def eta(batch: Batch) -> SafeString | str:
    """When it is expected, and how late it is."""
    if batch.eta is None:
        return "–"
    shown = format_html('<span class="so-nowrap">{}</span>', day(batch.eta))
    late = lateness(batch)
    if late > 0:
        told = _("%(days)s late") % {"days": days(late)}
        return two_lines(shown, label(told, tone="out"))
    return shown


def incoming(units: int, next_eta: date | None) -> SafeString:
    """What is on its way, and from when."""
    if not units or next_eta is None:
        return figure(0)
    is_late = next_eta < today()
    tone = "so-less" if is_late else ""
    when = date_format(next_eta, "j M") if next_eta.year == today().year else day(next_eta)
    why = _("The first was due %(day)s") if is_late else _("The first on %(day)s")
    second = format_html(
        '<span class="so-nowrap {}" title="{}">{}</span>', tone, why % {"day": day(next_eta)}, when
    )
    return two_lines(figure(units), second)


def reservation_state(reservation: Any) -> SafeString:
    """Its status; ``is_overdue`` (by the database's clock) comes with the row."""
    if reservation.is_overdue:
        why = _("Past its time: it will be ended, and no order waits for what it holds")
        return label(pgettext("reservation", "Overdue"), tone="low", reason=why)
    tone = RESERVATION_TONES[reservation.status]
    return label(reservation.get_status_display(), tone=tone)


def expiry(reservation: Any) -> SafeString | str:
    """When the hold ends by itself, if it does."""
    return (reservation.status == "active" and moment(reservation.expires_at)) or "–"


def promise(reservation: Any, date: date | None) -> SafeString | str:
    """By when all of it will be on hand."""
    if reservation.status not in OPEN:
        return "–"
    if date is None:
        return label(_("Waits for supply"), tone="out", reason=_("A part of it has no supply yet"))
    return _("Today") if date == today() else day(date)
