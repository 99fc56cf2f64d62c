"""Recording a fact: called by every operation, inside its transaction."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from django.db import connection

from common.database import after_commit, write
from common.ids import new_id
from common.observability import tracing
from common.observability.context import Cause, caused_by, current
from common.observability.logs import event

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager
    from uuid import UUID


INSERT: Final = """
INSERT INTO events_event
    (id, type, subject_type, subject_id, data, request_id, actor, trace_context)
SELECT new.* FROM json_to_recordset(%s) AS new (
    id uuid, type text, subject_type text, subject_id text, data jsonb, request_id text,
    actor text, trace_context jsonb
)
"""
"""As the ledger's own statement: the ORM takes longer to write it than PostgreSQL to run it."""
MOST_NAMED: Final = 20


@dataclass(frozen=True, slots=True)
class Fact:
    """What happened (``stock.changed``), to what (type and id), and the figures.

    And on whose account: several may share a transaction.
    """

    type: str
    subject_type: str
    subject_id: UUID
    data: dict[str, Any] = field(default_factory=dict)
    cause: Cause = field(default_factory=current, compare=False)
    place: dict[str, str] | None = field(default_factory=tracing.here, compare=False)
    """In the trace of that request."""


def record(facts: Iterable[Fact]) -> None:
    """Write one event for each fact, in one statement.

    The caller must be in the transaction that makes the facts true: they commit together or not
    at all. Each event carries the request and the actor that caused it, and in a traced request
    the place in its trace, where publishing and delivering go on.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("An event is recorded in the transaction of its fact.")
    facts = list(facts)
    with _span(facts):
        write(INSERT, [json.dumps([_row(fact) for fact in facts])])
    after_commit(_log, facts)


def _span(facts: list[Fact]) -> AbstractContextManager[tracing.Span]:
    types = [fact.type for fact in facts[:MOST_NAMED]]
    return tracing.within("record events", "internal", {"stockroom.event_types": types})


def _row(fact: Fact) -> dict[str, Any]:
    is_of_this_request = fact.cause is current()
    return {
        "id": str(new_id()),
        "type": fact.type,
        "subject_type": fact.subject_type,
        "subject_id": str(fact.subject_id),
        "data": fact.data,
        "request_id": fact.cause.request_id,
        "actor": fact.cause.actor,
        "trace_context": tracing.here() if is_of_this_request else fact.place,
    }


def _log(facts: Iterable[Fact]) -> None:
    """Tell the log what is true now, in figures and names; what was rolled back never happened."""
    for fact in facts:
        figures = {name: value for name, value in fact.data.items() if not isinstance(value, dict)}
        with caused_by(fact.cause):
            event(fact.type, subject=f"{fact.subject_type}/{fact.subject_id}", **figures)
