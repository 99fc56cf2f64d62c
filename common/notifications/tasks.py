"""Notifications in the background."""

from __future__ import annotations

from typing import Final

from celery import shared_task

from common.events.sequencing import number_events
from common.notifications.mailing import gather_mails, send_mails, sweep_mails
from common.notifications.reading import read_alerts

BATCH: Final = 500


@shared_task(soft_time_limit=90, time_limit=120)  # type: ignore[untyped-decorator]  # no types
def mail_alerts(**_unknown: object) -> int:
    """Every ten seconds: read the feed, gather for each person, send what is due.

    Safe to run twice, to overlap and to be killed: events are noted once, mails are sent one at
    a time. Extra keyword arguments from a newer publisher are ignored. Returns how many went.
    """
    while number_events():
        pass
    while read_alerts(limit=BATCH):
        pass
    gather_mails()
    return send_mails()


@shared_task  # type: ignore[untyped-decorator]  # Celery ships no types
def sweep_mails_sent(**_unknown: object) -> int:
    """Every hour: delete mails that are older than what the feed keeps.

    Safe to run twice, to overlap and to be killed. Extra keyword arguments from a newer publisher
    are ignored. Returns how many went.
    """
    total = 0
    while count := sweep_mails(limit=BATCH):
        total += count
    return total
