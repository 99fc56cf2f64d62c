"""What has happened to a batch or a reservation, told from its events."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from common.backoffice.display import moment
from common.events.models import Event
from common.observability.context import current
from inventory.admin.promise_display import day

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from uuid import UUID

    from django.db.models import Model

    Facts = dict[str, Any]

MOST: Final = 50
FIGURES: Final = {"quantity": "Ordered", "eta": "ETA", "status": "Status"}


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
        return f"{facts[-1]['quantity']} promised for {_day(facts[-1]['after']['eta'])}"
    freed = sum(each.get("freed", 0) for each in facts)
    found = sum(each.get("allocated", 0) for each in facts)
    waiting = facts[-1].get("unallocated", 0)
    parts = [
        f"{freed} lost their supply" if freed else "",
        f"{found} have {'other' if freed else 'new'} supply" if found else "",
        f"{waiting} wait for supply" if waiting else "",
    ]
    return ", ".join(filter(None, parts)) or "nothing changed"


def _ordered(data: Facts) -> str:
    after = data.get("after", {})
    coming = f"ETA {_day(after['eta'])}" if after.get("eta") else "received at once"
    return f"Ordered: {after.get('quantity')} for {after.get('location')}, {coming}"


def _changed(data: Facts) -> str:
    before, after = data.get("before", {}), data.get("after", {})
    told = [
        f"{title}: {_value(name, before.get(name))} → {_value(name, after.get(name))}"
        for name, title in FIGURES.items()
        if name in after
    ]
    return "; ".join(told) or "Changed"


def _received(data: Facts) -> str:
    return f"Received: {data.get('received')}; {data.get('outstanding')} outstanding"


def _lines(word: str) -> Callable[[Facts], str]:
    def tell(data: Facts) -> str:
        lines = (f"{line['quantity']} of {line['sku']}" for line in data.get("lines", []))
        return f"{word}: {', '.join(lines)}"

    return tell


def _extended(data: Facts) -> str:
    until = datetime.fromisoformat(data["expires_at"])
    return f"Extended until {until:%-d %b %Y, %H:%M} UTC"


def _moved(data: Facts) -> str:
    """A line's supply is another one now, or comes on another day."""
    if "eta" in data.get("after", {}):
        eta = f"{_day(data['before']['eta'])} → {_day(data['after']['eta'])}"
        return f"{data['quantity']} of {data['sku']} from {data['batch']}: ETA {eta}"
    return f"{data.get('sku')}: {_outcome([data])}"


def _value(name: str, value: Any) -> str:
    return _day(value) if name == "eta" else str(value)


def _day(text: str | None) -> str:
    return day(date.fromisoformat(text)) if text else "–"


SENTENCES: Final[dict[str, Callable[[Facts], str]]] = {
    "batch.created": _ordered,
    "batch.changed": _changed,
    "batch.received": _received,
    "reservation.created": _lines("Held"),
    "reservation.confirmed": lambda _data: "Confirmed: it does not expire any more",
    "reservation.extended": _extended,
    "reservation.shipped": _lines("Shipped"),
    "reservation.released": lambda _data: "Released",
    "reservation.expired": lambda _data: "Expired",
    "allocation.changed": _moved,
}
