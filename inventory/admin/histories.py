"""What has happened to a batch or a reservation, told from its events."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, pgettext

from common.backoffice.display import moment
from common.events.models import Event
from common.observability.context import current
from inventory.admin.display import some_of
from inventory.admin.promise_display import day
from inventory.models import Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from uuid import UUID

    from django.db.models import Model

    Facts = dict[str, Any]

MOST: Final = 50
FIGURES: Final = {
    "quantity": gettext_lazy("Ordered"),
    "eta": gettext_lazy("ETA"),
    "status": gettext_lazy("Status"),
}


def history(row: Model, subject_type: str) -> dict[str, Any]:
    """What ``history.html`` shows: the latest events of a row, newest first."""
    events = Event.objects.filter(subject_type=subject_type, subject_id=str(row.pk))
    entries = [
        {"when": moment(event.occurred_at), "what": sentence(event), "actor": event.actor}
        for event in events.order_by("-pk")[:MOST]
    ]
    return {"history": entries, "most": MOST}


def sentence(event: Event) -> str:
    """An event in words; one that is not known here by its type."""
    tell = SENTENCES.get(event.type)
    return tell(event.data) if tell else event.type


def consequences(since: UUID) -> list[str]:
    """What this request has made of promises, order by order.

    ``since`` is an id made before it did.
    """
    events = Event.objects.filter(
        pk__gt=since, request_id=current().request_id, type="allocation.changed"
    )
    by_order: dict[str, list[Facts]] = {}
    for data in events.order_by("pk").values_list("data", flat=True):
        by_order.setdefault(data.get("order_reference", "?"), []).append(data)
    return [f"{order}: {_outcome(told)}." for order, told in by_order.items()]


def _outcome(told: Iterable[Facts]) -> str:
    """What has become of an order's promises on one product, after all of these changes."""
    facts = list(told)
    if "eta" in facts[-1].get("after", {}):
        when = {"count": facts[-1]["quantity"], "day": _day(facts[-1]["after"]["eta"])}
        return _("%(count)s promised for %(day)s") % when
    freed = sum(each.get("freed", 0) for each in facts)
    found = sum(each.get("allocated", 0) for each in facts)
    waiting = facts[-1].get("unallocated", 0)
    have = _("%(count)s have other supply") if freed else _("%(count)s have new supply")
    parts = [
        (freed, _("%(count)s lost their supply")),
        (found, have),
        (waiting, _("%(count)s wait for supply")),
    ]
    outcome = ", ".join(words % {"count": count} for count, words in parts if count)
    return outcome or _("nothing changed")


def _ordered(data: Facts) -> str:
    after = data.get("after", {})
    told = {"count": after.get("quantity"), "location": after.get("location")}
    if after.get("eta"):
        told["eta"] = _day(after["eta"])
        return _("Ordered: %(count)s for %(location)s, ETA %(eta)s") % told
    return _("Ordered: %(count)s for %(location)s, received at once") % told


def _changed(data: Facts) -> str:
    before, after = data.get("before", {}), data.get("after", {})
    told = [
        f"{title}: {_value(name, before.get(name))} → {_value(name, after.get(name))}"
        for name, title in FIGURES.items()
        if name in after
    ]
    return "; ".join(told) or _("Changed")


def _received(data: Facts) -> str:
    told = {"count": data.get("received"), "left": data.get("outstanding")}
    return _("Received: %(count)s; %(left)s outstanding") % told


def _lines(words: str) -> Callable[[Facts], str]:
    def tell(data: Facts) -> str:
        lines = (some_of(line["quantity"], line["sku"]) for line in data.get("lines", []))
        return _(words) % {"lines": ", ".join(lines)}

    return tell


def _extended(data: Facts) -> str:
    until = datetime.fromisoformat(data["expires_at"])
    return _("Extended until %(until)s UTC") % {"until": date_format(until, "j M Y, H:i")}


def _moved(data: Facts) -> str:
    """A line's supply is another one now, or comes on another day."""
    if "eta" in data.get("after", {}):
        eta = f"{_day(data['before']['eta'])} → {_day(data['after']['eta'])}"
        told = {"count": data["quantity"], "sku": data["sku"], "batch": data["batch"], "eta": eta}
        return _("%(count)s of %(sku)s from %(batch)s: ETA %(eta)s") % told
    return f"{data.get('sku')}: {_outcome([data])}"


def _value(name: str, value: Any) -> str:
    if name == "status" and value in Batch.Status:
        return Batch.Status(value).label.lower()
    return _day(value) if name == "eta" else str(value)


def _day(text: str | None) -> str:
    return day(date.fromisoformat(text)) if text else "–"


SENTENCES: Final[dict[str, Callable[[Facts], str]]] = {
    "batch.created": _ordered,
    "batch.changed": _changed,
    "batch.received": _received,
    "reservation.created": _lines(gettext_noop("Held: %(lines)s")),
    "reservation.confirmed": lambda _data: _("Confirmed: it does not expire any more"),
    "reservation.extended": _extended,
    "reservation.shipped": _lines(gettext_noop("Shipped: %(lines)s")),
    "reservation.released": lambda _data: pgettext("reservation", "Released"),
    "reservation.expired": lambda _data: pgettext("reservation", "Expired"),
    "allocation.changed": _moved,
}
