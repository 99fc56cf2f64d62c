"""What stands in a mail: plain text, the matter in the subject, one line for each alert."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.urls import reverse

from common.notifications.alerts import one_line
from common.notifications.models import Mode, Topic

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from common.notifications.models import Notification

MOST_LISTED: Final = 50
MOST_NAMED: Final = 5
LONGEST_SUBJECT: Final = 150

ONE: Final = {
    Topic.OUT: "{names} is out of stock",
    Topic.LOW: "{names} is low in stock",
    Topic.SLIPPED: "Batch {names} comes later",
    Topic.ENDPOINT: "A webhook has been disabled: {names}",
    Topic.LEDGER: "Stock differs from its ledger",
}
SEVERAL: Final = {
    Topic.OUT: "{count} products are out of stock: {names}",
    Topic.LOW: "{count} products are low in stock: {names}",
    Topic.SLIPPED: "{count} batches come later: {names}",
    Topic.ENDPOINT: "{count} webhooks have been disabled: {names}",
    Topic.LEDGER: "Stock differs from its ledger",
}


def subject(told: Sequence[Notification], mode: str) -> str:
    """The matter itself, for somebody who reads no further; one line of a bearable length."""
    matters = "; ".join(_matter(topic, alerts) for topic, alerts in _by_topic(told))
    whole = one_line(f"Today: {matters}" if mode == Mode.DAILY else matters)
    return whole if len(whole) <= LONGEST_SUBJECT else f"{whole[: LONGEST_SUBJECT - 1]}…"


def body(told: Sequence[Notification], user_id: int) -> str:
    """At most fifty alerts, topic by topic; the others are counted."""
    ordered = [alert for _, alerts in _by_topic(told) for alert in alerts]
    parts = [
        "\n".join([str(topic.label), "", *map(_line, alerts)])
        for topic, alerts in _by_topic(ordered[:MOST_LISTED])
    ]
    if len(ordered) > MOST_LISTED:
        parts.append(f"And {len(ordered) - MOST_LISTED} more, which the back office lists.")
    return "\n\n".join([*parts, _how_to_change(user_id)]) + "\n"


def _how_to_change(user_id: int) -> str:
    """Where somebody says what they want to hear of."""
    path = reverse("admin:notifications_recipient_change", args=[user_id])
    where = f":\n{settings.PUBLIC_URL}{path}" if settings.PUBLIC_URL else "."
    return (
        "--\nYou chose to be told of this. To change that or to get no more of these mails,"
        f" open Notifications in the back office{where}"
    )


def _by_topic(told: Iterable[Notification]) -> Iterator[tuple[Topic, list[Notification]]]:
    """In the order of the topics; within one, in the order of the events."""
    order = list(Topic)
    ordered = sorted(told, key=lambda alert: (order.index(Topic(alert.topic)), alert.pk))
    for topic, alerts in groupby(ordered, key=lambda alert: Topic(alert.topic)):
        yield topic, list(alerts)


def _matter(topic: Topic, alerts: Collection[Notification]) -> str:
    names = list(dict.fromkeys(alert.name for alert in alerts))
    named = ", ".join(names[:MOST_NAMED])
    if len(names) > MOST_NAMED:
        named = f"{named} and {len(names) - MOST_NAMED} more"
    words = ONE if len(names) == 1 else SEVERAL
    return words[topic].format(count=len(names), names=named)


def _line(alert: Notification) -> str:
    link = f"\n  {settings.PUBLIC_URL}{alert.path}" if settings.PUBLIC_URL and alert.path else ""
    return f"- {alert.sentence}{link}"
