"""Places that hold stock."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from common.database import database_now, in_transaction
from common.errors import Duplicate, Invalid, NotFound, VersionMismatch
from inventory.errors import LocationInUse
from inventory.models import Location
from inventory.querysets import DEFAULT_LOCATION

if TYPE_CHECKING:
    from collections.abc import Mapping

CODE: Final = re.compile(r"[a-z0-9_.-]{1,64}", re.ASCII)


@in_transaction
def create_location(
    *, code: str, name: str, priority: int = 100, is_active: bool = True
) -> Location:
    """Add a place that holds stock. Refuses with Invalid, and with Duplicate for a taken code."""
    now = database_now()
    location = Location(
        code=_code(code),
        name=name,
        priority=priority,
        is_active=is_active,
        created_at=now,
        updated_at=now,
    )
    Location.objects.bulk_create([location], ignore_conflicts=True)
    if not Location.objects.filter(pk=location.pk).exists():
        raise _taken(location.code)
    return location


@in_transaction
def change_location(
    *, location_id: UUID, changes: Mapping[str, Any], expected_version: int | None = None
) -> Location:
    """Rename a location, change its code, its turn when stock is taken, or whether it supplies.

    The default location keeps its code and stays active. Refuses with NotFound,
    VersionMismatch, Invalid, Duplicate and LocationInUse.
    """
    location = _locked(location_id, expected_version)
    wanted = dict(changes)
    if "code" in wanted:
        wanted["code"] = _code(wanted["code"])
    changed = [name for name, value in wanted.items() if getattr(location, name) != value]
    if not changed:
        return location
    _check_default(location, changed)
    if "code" in changed and Location.objects.filter(code=wanted["code"]).exists():
        raise _taken(wanted["code"])
    for name in changed:
        setattr(location, name, wanted[name])
    location.version += 1
    location.updated_at = database_now()
    location.save(update_fields=[*changed, "version", "updated_at"])
    return location


@in_transaction
def delete_location(*, location_id: UUID, expected_version: int | None = None) -> None:
    """Remove a location that never held stock. Refuses with NotFound and LocationInUse."""
    location = _locked(location_id, expected_version)
    if location.code == DEFAULT_LOCATION or location.stock_levels.exists():
        raise LocationInUse(
            "Only a location that never held stock can be deleted; deactivate it instead.",
            status="default" if location.code == DEFAULT_LOCATION else "stocked",
        )
    location.delete()


def _locked(location_id: UUID, expected_version: int | None) -> Location:
    location = Location.objects.filter(pk=location_id).locked().first()
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


def _taken(code: str) -> Duplicate:
    return Duplicate(f"The code {code!r} is taken.", attribute="code")
