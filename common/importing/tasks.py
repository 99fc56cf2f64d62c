"""Files of rows in the background."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from celery import shared_task

from common.importing.carrying_on import carry_on, idle, sweep

SECONDS: Final = 60.0
"""Of work on one file; then the next message has its turn, and this file again after it."""


@shared_task  # type: ignore[untyped-decorator]  # Celery ships no types
def work_on_import(import_id: str, **_unknown: object) -> None:
    """Check, apply or undo a file for a minute, and ask for more where more is to be done.

    Safe to run twice, to overlap and to be killed. Extra keyword arguments from a newer publisher
    are ignored.
    """
    if carry_on(UUID(import_id), seconds=SECONDS):
        work_on_import.delay(import_id)


@shared_task  # type: ignore[untyped-decorator]
def resume_imports(**_unknown: object) -> int:
    """Every minute: files whose message was lost, or whose worker was killed, are gone on with.

    Safe to run twice and to overlap. Extra keyword arguments from a newer publisher are ignored.
    Returns how many there were.
    """
    found = idle()
    for import_id in found:
        work_on_import.delay(str(import_id))
    return len(found)


@shared_task  # type: ignore[untyped-decorator]
def sweep_imports(**_unknown: object) -> int:
    """Every hour: forget files that have changed nothing for thirty days, and others after a year.

    Safe to run twice, to overlap and to be killed. Extra keyword arguments from a newer publisher
    are ignored. Returns how many there were.
    """
    total = 0
    while count := sweep():
        total += count
    return total
