"""Background work for sessions."""

from __future__ import annotations

from celery import shared_task

from common.people import sessions

BATCH = 500


@shared_task  # type: ignore[untyped-decorator]  # Celery ships no types
def sweep_sessions(**_unknown: object) -> int:
    """Every hour: delete the sessions that have ended, batch by batch.

    Safe to run twice, to overlap and to be killed. Extra keyword arguments are ignored.
    """
    total = 0
    while count := sessions.sweep_sessions(limit=BATCH):
        total += count
    return total
