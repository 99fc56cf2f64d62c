"""Recording a fact: called by every operation, inside its transaction."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from django.db import connection

from common.database import after_commit
from common.ids import new_id
from common.observability.context import current
from common.observability.logs import event

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID


INSERT: Final = """
INSERT INTO events_event (request_id, actor, id, type, subject_type, subject_id, data)
SELECT %s, %s, id, type, subject_type, subject_id, data::jsonb
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[])
    AS new (id, type, subject_type, subject_id, data)
"""
"""As the ledger's own statement: the ORM takes longer to write it than PostgreSQL to run it."""


@dataclass(frozen=True, slots=True)
class Fact:
    """What happened (``stock.changed``), to what (type and id), and the figures."""

    type: str
    subject_type: str
    subject_id: UUID
    data: dict[str, Any] = field(default_factory=dict)


def record(facts: Iterable[Fact]) -> None:
    """Write one event for each fact, in one statement.

    The caller must be in the transaction that makes the facts true: they commit together or not
    at all. Each event carries the request and the actor that caused it.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("An event is recorded in the transaction of its fact.")
    facts = list(facts)
    rows = [_row(fact) for fact in facts]
    cause = current()
    with connection.cursor() as cursor:
        cursor.execute(INSERT, [cause.request_id, cause.actor, *map(list, zip(*rows, strict=True))])
    after_commit(_log, facts)


def _row(fact: Fact) -> tuple[UUID, str, str, str, str]:
    return (new_id(), fact.type, fact.subject_type, str(fact.subject_id), json.dumps(fact.data))


def _log(facts: Iterable[Fact]) -> None:
    """Tell the log what is true now, in figures and names; what was rolled back never happened."""
    for fact in facts:
        figures = {name: value for name, value in fact.data.items() if not isinstance(value, dict)}
        event(fact.type, subject=f"{fact.subject_type}/{fact.subject_id}", **figures)
