"""Which events staff are told of, and in what words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from django.urls import NoReverseMatch, reverse
from django.utils.formats import date_format

from common.notifications.models import Topic

if TYPE_CHECKING:
    from collections.abc import Mapping

    from common.events.models import Event

TOPICS: Final = {
    "stock.out": Topic.OUT,
    "stock.low": Topic.LOW,
    "batch.changed": Topic.SLIPPED,
    "endpoint.disabled": Topic.ENDPOINT,
    "ledger.differed": Topic.LEDGER,
}
PAGES: Final = {
    Topic.OUT: "admin:products_product_change",
    Topic.LOW: "admin:products_product_change",
    Topic.SLIPPED: "admin:inventory_batch_change",
    Topic.ENDPOINT: "admin:webhooks_webhookendpoint_change",
}
PERMISSIONS: Final = {
    Topic.OUT: "inventory.view_stocklevel",
    Topic.LOW: "inventory.view_stocklevel",
    Topic.SLIPPED: "inventory.view_batch",
    Topic.ENDPOINT: "webhooks.view_webhookendpoint",
    Topic.LEDGER: "inventory.view_stocklevel",
}
"""What somebody must be allowed to see to be told of it."""

FIGURES: Final = {
    "on_hand": "on hand",
    "on_hand_after": "balance",
    "next_eta": "next ETA",
    "movement_count": "number of movements",
}
"""Names of columns in words; the other figures are words already."""

LONGEST_NAME: Final = 200
MOST_DIFFERENCES: Final = 5


@dataclass(frozen=True, slots=True)
class Alert:
    """What to tell: the topic, what it is about, what happened, and a path of the back office."""

    topic: Topic
    name: str
    sentence: str
    path: str


def alert_of(event: Event) -> Alert | None:
    """The alert that an event is; None for one that nobody is told of."""
    topic = TOPICS.get(event.type)
    if topic is None or (topic is Topic.SLIPPED and not _is_later(event.data)):
        return None
    name, sentence = WORDS[topic](event.data)
    path = _path(topic, event.subject_id)
    return Alert(topic, one_line(name)[:LONGEST_NAME], one_line(sentence), path)


def one_line(text: object) -> str:
    """Without line breaks and control characters, so that nobody can forge a line or a header."""
    printable = (letter if letter.isprintable() else " " for letter in str(text))
    return " ".join("".join(printable).split())


def _is_later(data: Mapping[str, Any]) -> bool:
    """Dates of ISO 8601 sort as text."""
    before, after = data["before"].get("eta"), data["after"].get("eta")
    return bool(before and after and after > before)


def _out(data: Mapping[str, Any]) -> tuple[str, str]:
    on_hand = data["on_hand"]
    left = f"{on_hand} on hand, all of them promised" if on_hand else "none on hand"
    return data["sku"], f"{data['sku']} at {data['location']}: none available, {left}."


def _low(data: Mapping[str, Any]) -> tuple[str, str]:
    figures = f"{data['available']} available, {data['on_hand']} on hand"
    point = data["reorder_point"]
    line = "" if point is None else f"; the reorder point is {point}"
    return data["sku"], f"{data['sku']} at {data['location']}: {figures}{line}."


def _slipped(data: Mapping[str, Any]) -> tuple[str, str]:
    before = date.fromisoformat(data["before"]["eta"])
    after = date.fromisoformat(data["after"]["eta"])
    days = (after - before).days
    late = "1 day" if days == 1 else f"{days} days"
    return data["reference"], (
        f"{data['reference']} of {data['sku']}: expected on {_day(after)}"
        f" instead of {_day(before)}, {late} later."
    )


def _day(day: date) -> str:
    return date_format(day, "j M Y")


def _endpoint(data: Mapping[str, Any]) -> tuple[str, str]:
    host, reason = data.get("host") or "An endpoint", one_line(data.get("reason") or "")
    because = f": {reason.removesuffix('.')}" if reason else ""
    return host, f"{host} gets no more webhooks until somebody activates it again{because}."


def _ledger(data: Mapping[str, Any]) -> tuple[str, str]:
    count = data["count"]
    figures = "1 figure of stock differs" if count == 1 else f"{count} figures of stock differ"
    told = data["differences"][:MOST_DIFFERENCES]
    places = "; ".join(_difference(each) for each in told)
    more = f"; and {count - len(told)} more" if count > len(told) else ""
    return "ledger", f"{figures} from what the ledger and the promises explain: {places}{more}."


def _difference(found: Mapping[str, Any]) -> str:
    place = f"{found['sku']} at {found['location']}" if found["location"] else found["sku"]
    figure, *where = found["figure"].split(" ", 1)
    words = " ".join([FIGURES.get(figure, figure), *where])
    return f"{place}, {words} is {found['found']} and should be {found['expected']}"


WORDS: Final = {
    Topic.OUT: _out,
    Topic.LOW: _low,
    Topic.SLIPPED: _slipped,
    Topic.ENDPOINT: _endpoint,
    Topic.LEDGER: _ledger,
}
"""For each topic: what an event is about, and what happened."""


def _path(topic: Topic, subject_id: str) -> str:
    """The page of what the event is about; empty where there is none."""
    try:
        return reverse(PAGES[topic], args=[subject_id]) if topic in PAGES else ""
    except NoReverseMatch:
        return ""
