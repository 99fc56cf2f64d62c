"""Which supply a line is promised from, and by when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class Supply:
    """What can be promised of one stock level, or of one batch that is still to arrive."""

    id: UUID
    location_id: UUID
    free: int
    """Units that are promised to nobody."""
    priority: int = 0
    """Of the location; lower goes first."""
    eta: date | None = None
    """None: on hand."""


@dataclass(frozen=True, slots=True)
class Share:
    """Units of a line that one supply gives."""

    supply: Supply
    quantity: int


@dataclass(frozen=True, slots=True)
class Promised:
    """An allocation as decisions see it; ids rise with time."""

    id: UUID
    quantity: int


def allocate(quantity: int, supplies: Iterable[Supply]) -> list[Share]:
    """The shares of a line, as far as the supplies reach.

    One location that has all of it on hand, the first by priority. Otherwise what is on hand, by
    priority, then batches by their ETA. Ties go by id: of the location, of the batch.
    """
    usable = [supply for supply in supplies if supply.free > 0]
    on_hand = sorted(
        (supply for supply in usable if supply.eta is None),
        key=lambda supply: (supply.priority, supply.location_id),
    )
    for supply in on_hand:
        if supply.free >= quantity:
            return [Share(supply, quantity)] if quantity else []
    coming = [(supply.eta, supply.id, supply) for supply in usable if supply.eta is not None]
    return _taken(quantity, [*on_hand, *(supply for _, _, supply in sorted(coming))])


def _taken(quantity: int, supplies: Sequence[Supply]) -> list[Share]:
    """From one after the other, until there is enough."""
    shares = []
    for supply in supplies:
        if not quantity:
            break
        share = min(quantity, supply.free)
        shares.append(Share(supply, share))
        quantity -= share
    return shares


def is_wanting(quantity: int, shares: Iterable[Share]) -> bool:
    """Too little, or in part still to come: holds past their time may be in the way."""
    on_hand = sum(share.quantity for share in shares if share.supply.eta is None)
    return on_hand < quantity


def promise_date(etas: Iterable[date | None], *, unallocated: int, today: date) -> date | None:
    """When all of it will be on hand; None while a part has no supply.

    ``etas`` are those of its shares, None for what is on hand. What is late is promised for today:
    nobody knows better.
    """
    if unallocated:
        return None
    return max((eta for eta in etas if eta is not None and eta > today), default=today)


def latest_first(promised: Iterable[Promised], excess: int) -> list[Promised]:
    """What to take back so that ``excess`` units are free: the latest promises first."""
    return _cut(sorted(promised, key=lambda one: one.id, reverse=True), excess)


def oldest_first(promised: Iterable[Promised], quantity: int) -> list[Promised]:
    """Which promises so many units keep that have arrived: the oldest first."""
    return _cut(sorted(promised, key=lambda one: one.id), quantity)


def _cut(promised: Sequence[Promised], quantity: int) -> list[Promised]:
    """The first of them, as far as the quantity reaches; the last one perhaps in part."""
    cut = []
    for one in promised:
        if quantity <= 0:
            break
        part = min(one.quantity, quantity)
        cut.append(Promised(one.id, part))
        quantity -= part
    return cut
