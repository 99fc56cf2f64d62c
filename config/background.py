"""Background work: which queues there are, what goes into which, and what is done when.

Three kinds of work wait apart, so that a slow mail server or a long check is never in the way of
what has to be done every ten seconds. Of mails one at a time is on its way, of checks one is
planned a night; so a worker with three processes always has one for the quick ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from celery.schedules import crontab
from kombu.entity import Exchange, Queue

if TYPE_CHECKING:
    from collections.abc import Mapping

QUICK: Final = "stockroom"
MAIL: Final = "stockroom.mail"
SLOW: Final = "stockroom.slow"

ROUTES: Final = {
    "common.importing.tasks.work_on_import": {"queue": SLOW},
    "common.notifications.tasks.mail_alerts": {"queue": MAIL},
    "catalogue.tasks.refresh_popularity": {"queue": SLOW},
    "inventory.tasks.summarise_days": {"queue": SLOW},
    "inventory.tasks.verify_ledger": {"queue": SLOW},
}
"""Whatever is not named here goes to the quick ones."""

EVERY_HOUR: Final = 3_600.0


def queues(broker_url: str) -> list[Queue]:
    """In RabbitMQ quorum queues behind a topic exchange, where a task with a delay can wait."""
    is_rabbitmq = broker_url.startswith("amqp")
    kind = "topic" if is_rabbitmq else "direct"
    exchange = Exchange(QUICK, type=kind)  # type: ignore[no-untyped-call]  # kombu has no types
    arguments = {"x-queue-type": "quorum"} if is_rabbitmq else None
    return [
        Queue(  # type: ignore[no-untyped-call]
            name, exchange, routing_key=name, queue_arguments=arguments
        )
        for name in (QUICK, MAIL, SLOW)
    ]


def _planned(task: str, every: Any, *, expires: float) -> Mapping[str, Any]:
    """After so many seconds a message that nobody took is void: a later one does its work."""
    return {"task": task, "schedule": every, "options": {"expires": expires}}


SCHEDULE: Final = {
    "sweep-idempotency-records": _planned(
        "common.idempotency.tasks.sweep_idempotency_records", 600.0, expires=600.0
    ),
    "expire-reservations": _planned("inventory.tasks.expire_reservations", 10.0, expires=10.0),
    "mail-alerts": _planned("common.notifications.tasks.mail_alerts", 10.0, expires=10.0),
    "sweep-mails": _planned(
        "common.notifications.tasks.sweep_mails_sent", EVERY_HOUR, expires=EVERY_HOUR
    ),
    "sweep-events": _planned("common.events.tasks.sweep_events", EVERY_HOUR, expires=EVERY_HOUR),
    "resume-imports": _planned("common.importing.tasks.resume_imports", 60.0, expires=60.0),
    "sweep-imports": _planned(
        "common.importing.tasks.sweep_imports", EVERY_HOUR, expires=EVERY_HOUR
    ),
    "sweep-sessions": _planned(
        "common.people.tasks.sweep_sessions", EVERY_HOUR, expires=EVERY_HOUR
    ),
    "sweep-inbox-messages": _planned(
        "common.inbox.tasks.sweep_inbox_messages", EVERY_HOUR, expires=EVERY_HOUR
    ),
    "sweep-deleted-endpoints": _planned(
        "common.webhooks.tasks.sweep_deleted_endpoints", EVERY_HOUR, expires=EVERY_HOUR
    ),
    "summarise-days": _planned(
        "inventory.tasks.summarise_days", crontab(minute=10), expires=EVERY_HOUR
    ),
    "refresh-popularity": _planned(
        "catalogue.tasks.refresh_popularity", crontab(hour=0, minute=40), expires=6 * EVERY_HOUR
    ),
    "verify-ledger": _planned(
        "inventory.tasks.verify_ledger", crontab(hour=2, minute=30), expires=6 * EVERY_HOUR
    ),
}
"""Times of day are those of TIME_ZONE."""
