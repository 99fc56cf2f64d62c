"""Identifiers: UUIDv7 (RFC 9562), so that rows sort by id in the order of their creation."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from uuid_utils.compat import uuid7

if TYPE_CHECKING:
    from datetime import datetime


def new_id() -> UUID:
    """A new UUIDv7: ascending within a process, unique across processes and forks."""
    return uuid7()


def id_at(moment: datetime) -> UUID:
    """A UUIDv7 for what happened at another moment; two of one millisecond are in no order."""
    milliseconds = int(moment.timestamp() * 1_000)
    return uuid7(nanoseconds=milliseconds * 1_000_000)
