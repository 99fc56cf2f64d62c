"""What an atomic document says, its structure checked: https://jsonapi.org/ext/atomic.

What stands in the resources themselves is judged where one of them alone would be judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn

from common.api.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import Mapping

MEMBER: Final = "atomic:operations"
RESULTS: Final = "atomic:results"
MAX_OPERATIONS: Final = 1_000
METHODS: Final = {"add": "POST", "update": "PATCH", "remove": "DELETE"}
FORBIDDEN: Final = ("data", "errors", "included")
"""Beside the operations, by the standard."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation, and its place in the document. ``sent`` is the whole object."""

    number: int
    sent: Mapping[str, Any]

    @property
    def op(self) -> str:
        return str(self.sent["op"])

    @property
    def method(self) -> str:
        return METHODS[self.op]

    @property
    def ref(self) -> Mapping[str, str] | None:
        return self.sent.get("ref")

    @property
    def href(self) -> str | None:
        return self.sent.get("href")

    @property
    def data(self) -> Any:
        return self.sent.get("data")

    @property
    def pointer(self) -> str:
        return f"/{MEMBER}/{self.number}"

    @property
    def is_of_relationship(self) -> bool:
        """Whether its data is linkage, and no resource."""
        if self.ref is not None:
            return "relationship" in self.ref
        return "/relationships/" in (self.href or "")

    def refuse(self, detail: str, *path: str) -> NoReturn:
        """Refuse it as malformed; ``path`` leads to the fault from here."""
        tokens = (name.replace("~", "~0").replace("/", "~1") for name in path)
        raise Malformed(detail, pointer="/".join([self.pointer, *tokens]))


def check_root(root: Any) -> None:
    """Refuse what is no document of 1 to 1 000 operations and nothing else."""
    if not isinstance(root, dict):
        raise Malformed("The body must be a JSON object.", pointer="")
    for member in FORBIDDEN:
        if member in root:
            raise Malformed(f"{member!r} cannot stand beside operations.", pointer=f"/{member}")
    found = root.get(MEMBER)
    if MEMBER not in root:
        raise Malformed(f"The document has no member {MEMBER!r}.", pointer="")
    if not isinstance(found, list) or not found:
        raise Malformed("Send a list of at least one operation.", pointer=f"/{MEMBER}")
    if len(found) > MAX_OPERATIONS:
        raise Malformed(
            f"At most {MAX_OPERATIONS} operations.", pointer=f"/{MEMBER}/{MAX_OPERATIONS}"
        )


def read(root: Mapping[str, Any]) -> list[Operation]:
    """The operations of a document; refuses the first that is not well formed."""
    operations = [Operation(number, sent) for number, sent in enumerate(root[MEMBER])]
    for operation in operations:
        _check(operation)
    return operations


def _check(operation: Operation) -> None:
    sent = operation.sent
    if not isinstance(sent, dict):
        operation.refuse("An operation must be an object.")
    if "op" not in sent:
        operation.refuse("The operation has no 'op'.")
    if not isinstance(sent["op"], str) or sent["op"] not in METHODS:
        operation.refuse(f"'op' is one of {', '.join(METHODS)}.", "op")
    if "ref" in sent and "href" in sent:
        operation.refuse("Send 'ref' or 'href', not both.", "href")
    if "href" in sent and not isinstance(sent["href"], str):
        operation.refuse("'href' must be a string.", "href")
    if "ref" in sent:
        _check_ref(operation, sent["ref"])
    if not {"ref", "href"} & sent.keys():
        _check_own_target(operation)


def _check_ref(operation: Operation, ref: Any) -> None:
    if not isinstance(ref, dict):
        operation.refuse("'ref' must be an object.", "ref")
    for member in ("type", "id", "lid", "relationship"):
        if member in ref and not isinstance(ref[member], str):
            operation.refuse(f"'{member}' must be a string.", "ref", member)
    if "type" not in ref or ("id" in ref) == ("lid" in ref):
        operation.refuse("A 'ref' needs a 'type', and an 'id' or a 'lid'.", "ref")
    if operation.op == "add" and "relationship" not in ref:
        operation.refuse("What is added has no 'ref' yet; leave it out.", "ref")


def _check_own_target(operation: Operation) -> None:
    """Without ref and href, the resource itself says where it belongs."""
    if operation.op == "remove":
        operation.refuse("Say by 'ref' or 'href' what to remove.")
    if not isinstance(operation.data, dict):
        where = ["data"] if "data" in operation.sent else []
        operation.refuse("The operation needs a resource object as its 'data'.", *where)
    members = ("type",) if operation.op == "add" else ("type", "id", "lid")
    for member in members:
        if member in operation.data and not isinstance(operation.data[member], str):
            operation.refuse(f"'{member}' must be a string.", "data", member)
    if "type" not in operation.data:
        operation.refuse("The resource object has no 'type'.", "data")
    if operation.op == "update" and not {"id", "lid"} & operation.data.keys():
        operation.refuse("The resource object has neither 'id' nor 'lid'.", "data")
