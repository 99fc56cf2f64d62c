"""Whoever has time carries on with a file: from where it is, for a while.

It can be killed at any moment, delivered again and done twice at once: rows are kept in the
transaction that says how far the check has come, and a row is claimed, and changes its state, in
the transaction of its effect.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import InterfaceError, OperationalError
from django.db.models import Q

from common.database import database_now, in_transaction
from common.importing.applying import OUR_FAULT, WORKS, Work, end_work, go_through
from common.importing.checking import attempted, check, fail
from common.importing.models import WORKING, Import, ImportRow
from common.observability.logs import get_logger

if TYPE_CHECKING:
    from uuid import UUID

logger = get_logger(__name__)

TOLD_EVERY: Final = 1.0
"""Seconds between two moments at which the progress is written down."""
IDLE: Final = timedelta(seconds=60)
MOST_ATTEMPTS: Final = 3
"""At a check that comes no further."""
KEPT: Final = timedelta(days=30)
WITHOUT_EFFECT: Final = ("checked", "failed", "cancelled")
KEPT_TO_BE_UNDONE: Final = timedelta(days=365)
WITH_EFFECT: Final = ("applied", "stopped", "undone")
SWEPT_AT_ONCE: Final = 1
"""Of files, which have tens of thousands of rows."""


def carry_on(import_id: UUID, *, seconds: float) -> bool:
    """Work on a file for so long; whether something is left to be done for it.

    False too where others have what is left in hand: they carry on, or ``idle`` tells of it.
    """
    file = Import.objects.filter(pk=import_id).first()
    if file is None:
        return False
    if file.status == Import.Status.CHECKING:
        _check(file)
        return False
    work = WORKS.get(file.status)
    return work is not None and _go_on(file, work, time.monotonic() + seconds)


def _check(file: Import) -> None:
    """Not for ever: who is killed at it each time comes no further than a few attempts."""
    if attempted(import_id=file.pk) > MOST_ATTEMPTS:
        fail(import_id=file.pk, problem=OUR_FAULT)
        return
    try:
        check(file)
    except (OperationalError, InterfaceError):
        raise  # the task is tried again
    except Exception:
        logger.exception("import_check_failed", file=str(file.pk))
        fail(import_id=file.pk, problem=OUR_FAULT)


def _go_on(file: Import, work: Work, until: float) -> bool:
    told, settled = time.monotonic(), 0
    for _number in go_through(file, work):
        settled += 1
        now = time.monotonic()
        if now > told + TOLD_EVERY:
            told = now
            if end_work(import_id=file.pk, work=work):
                return False
        if now > until:
            break
    return not end_work(import_id=file.pk, work=work) and settled > 0


def idle() -> list[UUID]:
    """Files that are to be worked on, and that nobody has worked on for a minute."""
    rows = Import.objects.filter(status__in=WORKING, updated_at__lt=database_now() - IDLE)
    found = list(rows.values_list("pk", flat=True)[:1_000])
    Import.objects.filter(pk__in=found).update(updated_at=database_now())
    return found


@in_transaction
def sweep() -> int:
    """Forget a file that has changed nothing for thirty days; how many they were.

    One that has changed something can be undone for a year. What it did stays in the ledger and
    in the trail of changes for ever.

    Locks: the import, those skipped that others have (docs/locking.md).
    """
    now = database_now()
    in_vain = Q(status__in=WITHOUT_EFFECT, updated_at__lt=now - KEPT)
    long_done = Q(status__in=WITH_EFFECT, updated_at__lt=now - KEPT_TO_BE_UNDONE)
    old = Import.objects.filter(in_vain | long_done).order_by("pk")
    old = old.select_for_update(skip_locked=True)  # they are deleted
    found = list(old.values_list("pk", flat=True)[:SWEPT_AT_ONCE])
    ImportRow.objects.filter(file__in=found).delete()
    Import.objects.filter(pk__in=found).delete()
    return len(found)
