"""Identifiers: UUIDv7 (RFC 9562), so that rows sort by id in the order of their creation."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A new UUIDv7: ascending within a process, unique across processes and forks."""
    return uuid7()
