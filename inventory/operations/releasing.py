"""Letting go of several reservations at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common.database import in_transaction
from common.errors import VersionMismatch, together
from inventory.errors import ReservationNotActive
from inventory.models import Reservation
from inventory.operations.ledger import Ledger
from inventory.operations.reservations import end, expire, is_overdue, product_ids
from inventory.querysets import OPEN

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID


@in_transaction
def release_all(*, expected_versions: Mapping[UUID, int]) -> list[Reservation]:
    """Let go of what these reservations hold and have not shipped; of all of them, or of none.

    Those that have been released or have expired stay as they are; those past their time end as
    expired. ``expected_versions`` names the reservations, each with the version that was seen.
    Refuses with ReservationNotActive, naming every one that has been shipped (its id), and
    with VersionMismatch, naming every one that has changed. Returns those that have ended now.

    Locks: the reservations, the levels of all their products (docs/locking.md).
    """
    rows = list(Reservation.objects.filter(pk__in=expected_versions.keys()).locked())
    if shipped := [row for row in rows if row.status == Reservation.Status.SHIPPED]:
        raise together([_shipped(row) for row in shipped])
    ending = [row for row in rows if row.status in OPEN]
    if changed := [row for row in ending if row.version != expected_versions[row.pk]]:
        raise together([_changed(row) for row in changed])
    if ending:
        ledger = Ledger.locked(product_ids(*ending), with_deleted=True)
        overdue = [row for row in ending if is_overdue(row)]
        released = [row for row in ending if row not in overdue]
        if overdue:
            expire(ledger, overdue)
        if released:
            end(ledger, released, Reservation.Status.RELEASED, "reservation.released")
        ledger.write()
    return ending


def _shipped(row: Reservation) -> ReservationNotActive:
    sentence = "It has been shipped already."
    return ReservationNotActive(sentence, status=row.status, id=str(row.pk))


def _changed(row: Reservation) -> VersionMismatch:
    sentence = "The reservation has changed since; fetch it and decide again."
    return VersionMismatch(sentence, id=str(row.pk))
