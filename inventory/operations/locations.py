"""Places that hold stock."""

from __future__ import annotations

import re
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from common.bulkhead import lock_queue
from common.database import database_now, in_transaction, unless_taken
from common.errors import Invalid, NotFound, VersionMismatch
from inventory.errors import LocationInUse
from inventory.models import Location, ReservationLine
from inventory.operations.ledger import Ledger
from inventory.querysets import DEFAULT_LOCATION

if TYPE_CHECKING:
    from collections.abc import Mapping

CODE: Final = re.compile(r"[a-z0-9_.-]{1,64}", re.ASCII)
TAKEN: Final = {"location_code_unique": "code"}


@in_transaction
def create_location(
    *, code: str, name: str, priority: int = 100, is_active: bool = True
) -> Location:
    """Add a place that holds stock. Refuses with Invalid, and with Duplicate for a taken code.

    Locks: nothing that is there (docs/locking.md).
    """
    now = database_now()
    location = Location(
        code=_code(code),
        name=name,
        priority=priority,
        is_active=is_active,
        created_at=now,
        updated_at=now,
    )
    with unless_taken(TAKEN):
        location.save(force_insert=True)
    return location


@in_transaction
def change_location(
    *, location_id: UUID, changes: Mapping[str, Any], expected_version: int | None = None
) -> Location:
    """Rename a location, change its code, its turn when stock is taken, or whether it supplies.

    The default location keeps its code and stays active. One that supplies again does so at once:
    lines that wait get what it has. Refuses with NotFound, VersionMismatch, Invalid, Duplicate and
    LocationInUse.

    Locks: the location; when it supplies again, the levels of products that lines wait for
    (docs/locking.md).
    """
    location = _locked(location_id, expected_version, keeps_code="code" not in changes)
    wanted = dict(changes)
    if "code" in wanted:
        wanted["code"] = _code(wanted["code"])
    changed = [name for name, value in wanted.items() if getattr(location, name) != value]
    if not changed:
        return location
    _check_default(location, changed)
    for name in changed:
        setattr(location, name, wanted[name])
    location.version += 1
    location.updated_at = database_now()
    with unless_taken(TAKEN) if "code" in changed else nullcontext():
        location.save(update_fields=[*changed, "version", "updated_at"])
    if "is_active" in changed and location.is_active:
        _supply(location)
    return location


@in_transaction
def delete_location(*, location_id: UUID, expected_version: int | None = None) -> None:
    """Remove a location that never held stock. Refuses with NotFound and LocationInUse.

    Locks: the location (docs/locking.md).
    """
    location = _locked(location_id, expected_version)
    if location.code == DEFAULT_LOCATION or location.stock_levels.exists():
        raise LocationInUse(
            "Only a location that never held stock can be deleted; deactivate it instead.",
            status="default" if location.code == DEFAULT_LOCATION else "stocked",
        )
    location.delete()


def _supply(location: Location) -> None:
    """What it has goes to the lines that wait for it."""
    waiting = ReservationLine.objects.filter(
        unallocated__gt=0, product__stock_levels__location=location
    )
    products = set(waiting.values_list("product_id", flat=True))
    if products:
        ledger = Ledger.locked(products)
        ledger.gained.update(ledger.product_ids)
        ledger.write()


def _locked(
    location_id: UUID, expected_version: int | None, *, keeps_code: bool = False
) -> Location:
    with lock_queue.place(location_id):
        location = Location.objects.filter(pk=location_id).locked(no_key=keeps_code).first()
    if location is None:
        raise NotFound("There is no such location.")
    if expected_version is not None and location.version != expected_version:
        raise VersionMismatch("The location has changed since; fetch it and decide again.")
    return location


def _check_default(location: Location, changed: list[str]) -> None:
    if location.code == DEFAULT_LOCATION and {"code", "is_active"} & set(changed):
        raise LocationInUse(
            "The default location keeps its code and stays active.", status="default"
        )


def _code(text: str) -> str:
    """The code as it is kept: lower case, and never to be taken for an id."""
    code = text.lower()
    if not CODE.fullmatch(code) or _is_uuid(code):
        raise Invalid("Use 1 to 64 letters, digits and - _ . only, and no UUID.", attribute="code")
    return code


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
