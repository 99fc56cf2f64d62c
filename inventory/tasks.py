"""Stock in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from celery import shared_task

from common.database import in_transaction
from common.events.models import Event
from common.events.recording import Fact, record
from common.ids import new_id
from common.observability.logs import event
from inventory.operations import expire_reservations as expire
from inventory.operations import note_check
from inventory.operations import summarise_days as sum_up
from inventory.queries.turnover import keep_turnover
from inventory.verification import verify

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inventory.verification import Difference

BATCH: Final = 200
MOST_TOLD: Final = 20
DIFFERED: Final = "ledger.differed"


@shared_task  # type: ignore[untyped-decorator]  # Celery ships no types
def expire_reservations(**_unknown: object) -> int:
    """Every ten seconds: end the holds that are past their time, one transaction for each batch.

    It only tidies: no decision waits for it (RULES S9). Safe to run twice, to overlap and to be
    killed. Extra keyword arguments from a newer publisher are ignored. Returns how many ended.
    """
    total = 0
    while count := expire(limit=BATCH):
        total += count
    return total


@shared_task(  # type: ignore[untyped-decorator]  # Celery ships no types
    soft_time_limit=1_500, time_limit=1_560
)
def summarise_days(**_unknown: object) -> int:
    """Every hour: sum up the ledger for the days that are over, and the last four weeks of them.

    A ledger of years is summed up day by day; a run that is cut short goes on with the next. Safe
    to run twice, to overlap and to be killed. Extra keyword arguments from a newer publisher are
    ignored. Returns how many days it looked at.
    """
    count = sum_up()
    keep_turnover()
    return count


@shared_task(  # type: ignore[untyped-decorator]  # Celery ships no types
    bind=True, soft_time_limit=1_500, time_limit=1_560
)
def verify_ledger(self: Any, **_unknown: object) -> int:
    """Every night: compare all stock with its ledger and its promises, as ``verify_stock`` does.

    What came of it is remembered until the next check, and where anything differs one event
    ``ledger.differed`` is recorded for the run. Nothing of stock is locked. Safe to run twice, to
    overlap and to be killed: a run that is delivered again is the same run. Extra keyword
    arguments from a newer publisher are ignored. Returns how many figures differ.
    """
    count, first = 0, list["Difference"]()
    for step in verify():
        count += len(step.differences)
        first += step.differences[: MOST_TOLD - len(first)]
    event("ledger_verified", differences=count)
    _tell(UUID(self.request.id) if self.request.id else new_id(), count, first)
    return count


@in_transaction
def _tell(run: UUID, count: int, first: Sequence[Difference]) -> None:
    """Remember what a run has found, and record what differs, once.

    Locks: the one row of the last check (docs/locking.md).
    """
    note_check(differences=count)
    told = Event.objects.filter(subject_type="ledger-checks", subject_id=str(run))
    if not count or told.exists():
        return
    data = {"count": count, "differences": [_line(difference) for difference in first]}
    record([Fact(DIFFERED, "ledger-checks", run, data)])


def _line(difference: Difference) -> dict[str, str]:
    """As ``verify_stock`` prints it."""
    names = ("id", "sku", "location", "figure", "expected", "found")
    return {name: str(getattr(difference, name)) for name in names}
