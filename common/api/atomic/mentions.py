"""What the operations of a document are about, told to those who lock it before the first one.

Operations are carried out in the order of the document, and each locks what it needs. Two
documents with opposite orders would wait for each other in a circle. So everything that a
document names is locked first, in the one order (docs/locking.md).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from common.api.atomic.lids import NOT_YET

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence

    from common.api.atomic.shape import Operation
    from common.api.atomic.targets import Target


MOST_LINES: Final = 1_000
"""More than these no operation takes: it is going to be refused, and nothing of it is locked."""
MAX_LINES: Final = 10_000
"""Of all operations of a document."""


@dataclass(frozen=True, slots=True)
class Mention:
    """What one operation is about. Nothing of it has been checked: it is what was sent."""

    type: str
    action: str
    id: UUID | None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    """Attributes, and under the name of each to-one relationship the id that it leads to."""

    @property
    def named(self) -> list[Mapping[str, Any]]:
        """Its inputs, and those of each of its lines."""
        lines = _lines(self.inputs)
        sent = lines if len(lines) <= MOST_LINES else []
        return [self.inputs, *(line for line in sent if isinstance(line, dict))]

    @property
    def only_reads(self) -> bool:
        """Whether it changes nothing, so that nobody is to wait for it."""
        is_rehearsal = self.type == "adjustments" and self.inputs.get("dry_run") is True
        return is_rehearsal or self.type == "availability"


before_the_first: list[Callable[[Sequence[Mention]], Collection[Hashable]]] = []
"""Each locks what a document mentions of its own, in a transaction that has begun, and returns the
keys of those locks (``common.bulkhead``). In the order of docs/locking.md. Apps register theirs in
``AppConfig.ready()``."""


def check_lines(operations: Iterable[Operation]) -> None:
    """Refuse a document whose operations have more than 10 000 lines together."""
    left = MAX_LINES
    for operation in operations:
        left -= len(_lines(_inputs(operation)))
        if left < 0:
            detail = f"At most {MAX_LINES} lines in one document."
            operation.refuse(detail, "data", "attributes", "lines")


def mention(operation: Operation, target: Target) -> Mention:
    """What an operation is about, as far as it can be known before those before it are done."""
    pk = target.kwargs.get("pk", NOT_YET)
    return Mention(
        type=target.view_class.resource_type,
        action=target.action,
        id=None if pk == NOT_YET else as_id(pk),
        inputs=_inputs(operation),
    )


def texts(inputs: Iterable[Mapping[str, Any]], *names: str) -> set[str]:
    """What stands under these names, as far as it is a text that a database could hold."""
    found = (one.get(name) for one in inputs for name in names)
    return {value for value in found if isinstance(value, str) and "\0" not in value}


def ids(inputs: Iterable[Mapping[str, Any]], *names: str) -> set[UUID]:
    return {pk for text in texts(inputs, *names) if (pk := as_id(text))}


def as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _lines(inputs: Mapping[str, Any]) -> list[Any]:
    lines = inputs.get("lines")
    return lines if isinstance(lines, list) else []


def _inputs(operation: Operation) -> dict[str, Any]:
    data = operation.data
    if not isinstance(data, dict) or operation.is_of_relationship:
        return {}
    linked = {
        name: one["data"].get("id")
        for name, one in _object(data, "relationships").items()
        if isinstance(one, dict) and isinstance(one.get("data"), dict)
    }
    return _object(data, "attributes") | linked


def _object(data: Mapping[str, Any], member: str) -> dict[str, Any]:
    value = data.get(member)
    return value if isinstance(value, dict) else {}
