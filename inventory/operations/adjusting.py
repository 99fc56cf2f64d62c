"""Many changes of stock as one request: decided line by line, written together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from common.database import in_transaction, one_moment
from common.errors import DomainError, NotFound
from common.observability.refusals import count_refusal
from inventory import rules
from inventory.errors import LinesRefused
from inventory.operations.changes import carry_out
from inventory.operations.drafts import Draft, Rehearsal
from inventory.operations.lines import known_products

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from inventory.models import StockLevel, StockMovement


class OnError(Enum):
    """What becomes of the other lines when one of them is refused."""

    REJECT_ALL = "reject_all"
    SKIP_FAILED = "skip_failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A change of one product's stock, which is named by id or SKU; the rest as in ``Change``."""

    product_id: UUID | None = None
    sku: str | None = None
    place: str = "lines"
    """Where in the caller's input it stands, for refusals."""
    delta: int | None = None
    count: int | None = None
    expected: int | None = None
    expected_version: int | None = None
    location: str | None = None
    reason: str | None = None
    reference: str = ""
    note: str = ""

    def change_of(self, product_id: UUID) -> rules.Change:
        return rules.Change(
            product_id=product_id,
            delta=self.delta,
            count=self.count,
            expected=self.expected,
            expected_version=self.expected_version,
            location=self.location,
            reason=self.reason,
            reference=self.reference,
            note=self.note,
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """Units of what a line speaks of: its location's stock level or, without one, all of them."""

    on_hand: int
    available: int
    version: int


@dataclass(frozen=True, slots=True)
class Adjusted:
    """What became of a line, or what would: how its stock stood before and after; or a refusal."""

    line: Line
    product_id: UUID | None = None
    sku: str | None = None
    location: str | None = None
    """The code of the one location that it speaks of, if it is one."""
    before: Standing | None = None
    after: Standing | None = None
    movements: Sequence[StockMovement] = ()
    refusal: DomainError | None = None


@in_transaction
def adjust_lines(
    *, lines: Sequence[Line], on_error: OnError = OnError.REJECT_ALL
) -> list[Adjusted]:
    """Carry out many changes of stock, each decided on what those before it leave.

    Returns what became of each line, in their order. A refusal (those of ``adjust_stock``, and
    StaleQuantity for another version than the expected one) keeps its line from being carried
    out, and with REJECT_ALL all others too: then it refuses with LinesRefused, which tells of
    every line that cannot be. Counts below what is promised are always refused.

    Locks: all levels of all products named, a new location against deletion (docs/locking.md).
    """
    changes = _changes(lines)
    draft = Draft.locked({each.product_id for each in changes if isinstance(each, rules.Change)})
    adjusted = _decided(draft, lines, changes)
    refusals = [one.refusal for one in adjusted if one.refusal]
    for refusal in refusals:
        count_refusal("inventory", refusal)
    if refusals and on_error is OnError.REJECT_ALL:
        raise LinesRefused(refusals)
    if len(refusals) < len(lines):
        draft.write()
    return adjusted


def rehearse_lines(*, lines: Sequence[Line]) -> list[Adjusted]:
    """What ``adjust_lines`` would do now, line by line: nothing is written, nobody waits.

    Who sends the lines again with the version that each of them saw (``before``) gets just this,
    or a refusal of the lines whose stock has changed since. The movements were never made.
    """
    with one_moment():
        changes = _changes(lines)
        known = {each.product_id for each in changes if isinstance(each, rules.Change)}
        return _decided(Rehearsal.seen(known), lines, changes)


def _changes(lines: Sequence[Line]) -> list[rules.Change | DomainError]:
    """The change that each line wants, or that there is no such product."""
    known = known_products(lines)
    products = [known.product_of(line) for line in lines]
    return [
        NotFound("There is no such product.", attribute=_name_given(line))
        if product_id is None
        else line.change_of(product_id)
        for line, product_id in zip(lines, products, strict=True)
    ]


def _name_given(line: Line) -> str:
    return "product_id" if line.product_id else "sku"


def _decided(
    draft: Draft, lines: Sequence[Line], changes: Sequence[rules.Change | DomainError]
) -> list[Adjusted]:
    """Each line carried out in memory, or refused, with its place in the refusal."""
    draft.look_up([each for each in changes if isinstance(each, rules.Change)])
    adjusted = [
        _carried_out(draft, line, change)
        if isinstance(change, rules.Change)
        else Adjusted(line, refusal=change)
        for line, change in zip(lines, changes, strict=True)
    ]
    draft.name_all_holds()
    for one in adjusted:
        for problem in one.refusal.problems if one.refusal else ():
            problem.attribute = "/".join(filter(None, [one.line.place, problem.attribute]))
    return adjusted


def _carried_out(draft: Draft, line: Line, change: rules.Change) -> Adjusted:
    found = Adjusted(line, product_id=change.product_id)
    try:
        sku = draft.product(change.product_id, attribute=_name_given(line)).sku
        found = replace(found, sku=sku)
        at = draft.location_id(change.location) if change.location else None
        found = replace(found, location=draft.code_at(change.product_id, at))
        before = _standing(draft, change.product_id, at)
        movements = carry_out(draft, [change])
    except DomainError as refusal:
        return replace(found, refusal=refusal)
    draft.share_out()  # before the next one decides on it
    after = _standing(draft, change.product_id, at)
    return replace(found, before=before, after=after, movements=movements)


def _standing(draft: Draft, product_id: UUID, at: UUID | None) -> Standing:
    spoken_of: list[StockLevel] = [
        level for level in draft.levels_of(product_id) if at in (None, level.location_id)
    ]
    on_hand = sum(level.on_hand for level in spoken_of)
    reserved = sum(level.reserved for level in spoken_of)
    version = sum(level.version for level in spoken_of)
    return Standing(on_hand, on_hand - reserved, version)
