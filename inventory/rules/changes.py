"""What a change of stock does to the levels of a product, or why not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from common.errors import Invalid
from inventory.errors import (
    BelowReserved,
    InsufficientStock,
    LocationRequired,
    PreconditionRequired,
    QuantityLimit,
    Shortage,
    StaleQuantity,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

MAX_ON_HAND: Final = 10**12
NEGATIVE_REASONS: Final = frozenset({"sale", "damage", "adjustment"})
POSITIVE_REASONS: Final = frozenset({"receipt", "return", "adjustment"})


@dataclass(frozen=True, slots=True)
class Change:
    """What a caller wants of one product's stock: a delta, or an absolute count.

    ``expected`` is the quantity that a counter saw before counting, ``expected_version`` the
    version of what the quantity is of; ``is_guarded`` says that the caller proved in another way
    (If-Match) which state was seen. A delta may come with what the caller saw or read
    (``expected``, ``expected_version``, ``count``); it must then be the current one.
    """

    product_id: UUID
    delta: int | None = None
    count: int | None = None
    expected: int | None = None
    expected_version: int | None = None
    is_guarded: bool = False
    location: str | None = None
    """Code or id; None lets the rules choose."""
    reason: str | None = None
    reference: str = ""
    note: str = ""
    release_latest: bool = False
    """A count below what is reserved takes the latest promises back, instead of being refused."""


@dataclass(frozen=True, slots=True)
class Level:
    """A stock level as decisions see it."""

    location_id: UUID
    on_hand: int = 0
    reserved: int = 0
    version: int = 0
    priority: int = 0
    is_active: bool = True

    @property
    def available(self) -> int:
        return self.on_hand - self.reserved


@dataclass(frozen=True, slots=True)
class Posting:
    """One movement to be written: a signed number of units at one location."""

    location_id: UUID
    delta: int
    reason: str


def reason_for(delta: int, reason: str | None) -> str:
    """The reason of a delta; a sale takes away, a receipt adds, unless the caller says more."""
    if reason is None:
        return "sale" if delta < 0 else "receipt"
    if reason not in (NEGATIVE_REASONS if delta < 0 else POSITIVE_REASONS):
        direction = "taken away" if delta < 0 else "added"
        raise Invalid(f"Stock is not {direction} as {reason!r}.", attribute="reason")
    return reason


def decide(
    change: Change, levels: Sequence[Level], *, at: UUID | None, default: UUID | None, sku: str
) -> list[Posting]:
    """The movements that carry out a change of one product, given all its stock levels.

    ``at`` is the location that the change names, ``default`` the one that takes what is added
    to a product at several locations (needed only then). No movement when the quantity counted
    is the current one. Refuses with Invalid, LocationRequired, PreconditionRequired,
    StaleQuantity, BelowReserved, InsufficientStock and QuantityLimit.
    """
    _check_version(change, _speaks_of(at, levels))
    if change.delta is None:
        return [] if _is_total(change.count, at, levels) else _count(change, at, levels)
    if change.count is not None and not _is_total(change.count, at, levels):
        raise Invalid("Send a quantity or a quantity_delta, not both.", attribute="quantity")
    _check_expected(change, _speaks_of(at, levels))
    reason = reason_for(change.delta, change.reason)
    if change.delta < 0:
        return _take(change, _sources(at, levels), reason, sku)
    level = _level_to_fill(at, levels, default)
    check_limit(level.on_hand + change.delta)
    return [Posting(level.location_id, change.delta, reason)]


def check_limit(on_hand: int, *, attribute: str = "quantity_delta") -> None:
    """Refuse a stock level that would hold more than 10¹² units."""
    if on_hand > MAX_ON_HAND:
        raise QuantityLimit(
            f"A stock level holds at most {MAX_ON_HAND} units.", attribute=attribute
        )


def applied(levels: Sequence[Level], postings: Sequence[Posting]) -> list[Level]:
    """The levels as they will be after the movements."""
    after = {level.location_id: level for level in levels}
    for posting in postings:
        level = _at(posting.location_id, list(after.values()))
        on_hand = level.on_hand + posting.delta
        reserved = min(level.reserved, on_hand)  # a count may take promises back
        after[posting.location_id] = replace(level, on_hand=on_hand, reserved=reserved)
    return list(after.values())


def _at(location_id: UUID, levels: Sequence[Level]) -> Level:
    """The level at a location; an empty one where none exists yet."""
    found = (level for level in levels if level.location_id == location_id)
    return next(found, Level(location_id))


def _speaks_of(at: UUID | None, levels: Sequence[Level]) -> list[Level]:
    """The levels whose total a quantity is: the named one, or all, as a client fetched them."""
    return list(levels) if at is None else [_at(at, levels)]


def _is_total(count: int | None, at: UUID | None, levels: Sequence[Level]) -> bool:
    return count == sum(level.on_hand for level in _speaks_of(at, levels))


def _check_version(change: Change, levels: Sequence[Level]) -> None:
    """Refuse what was decided on another version than there is now, whatever it asks for."""
    if change.expected_version is None:
        return
    current = sum(level.version for level in levels)
    if change.expected_version != current:
        raise StaleQuantity(
            f"You saw version {change.expected_version}; it is {current} now. "
            "Look again and decide anew.",
            attribute="expected_version",
            expected=change.expected,
            expected_version=change.expected_version,
            current=sum(level.on_hand for level in levels),
            version=current,
        )


def _check_expected(change: Change, levels: Sequence[Level]) -> None:
    """Refuse what was decided on another quantity than there is now."""
    current = sum(level.on_hand for level in levels)
    if change.expected is not None and change.expected != current:
        raise StaleQuantity(
            f"You saw {change.expected}; it is {current} now. Look again and decide anew.",
            attribute="expected_quantity",
            expected=change.expected,
            current=current,
            version=sum(level.version for level in levels),
        )


def _counted_level(at: UUID | None, levels: Sequence[Level]) -> Level:
    """The one level that an absolute quantity speaks of."""
    if at is not None:
        return _at(at, levels)
    if len(levels) != 1:
        raise LocationRequired(
            "This product is at several locations; say which one by 'location'.",
            attribute="location",
        )
    return levels[0]


def _count(change: Change, at: UUID | None, levels: Sequence[Level]) -> list[Posting]:
    """The movement that makes a level what was counted, which it is not yet."""
    level = _counted_level(at, levels)
    if change.count is None:
        raise Invalid("Send a quantity or a quantity_delta.")
    if change.reason is not None:
        raise Invalid("The reason of a count is that it was counted.", attribute="reason")
    if change.expected is None and change.expected_version is None and not change.is_guarded:
        raise PreconditionRequired(
            "Send the expected_quantity that you saw, or its ETag in If-Match."
        )
    _check_expected(change, [level])
    if change.count < level.reserved and not change.release_latest:
        raise BelowReserved(reserved=level.reserved, attribute="quantity")
    return [Posting(level.location_id, change.count - level.on_hand, "count")]


def _level_to_fill(at: UUID | None, levels: Sequence[Level], default: UUID | None) -> Level:
    """Where added units go: where the caller says, the only level, or the default location."""
    if at is None and len(levels) == 1:
        return levels[0]
    place = at or default
    if place is None:
        raise ValueError("A product at several locations needs the default one.")
    return _at(place, levels)


def _sources(at: UUID | None, levels: Sequence[Level]) -> list[Level]:
    """What supplies a withdrawal: the named or only level, or the active ones by priority."""
    if at is not None:
        return [_at(at, levels)]
    if len(levels) == 1:
        return list(levels)
    active = (level for level in levels if level.is_active)
    return sorted(active, key=lambda level: (level.priority, level.location_id))


def _take(change: Change, sources: Sequence[Level], reason: str, sku: str) -> list[Posting]:
    """Take units from the sources in their order: all or nothing."""
    wanted = -(change.delta or 0)
    available = sum(level.available for level in sources)
    if available < wanted:
        shortage = Shortage(
            requested=wanted,
            available=available,
            product_id=str(change.product_id),
            sku=sku,
            attribute="quantity_delta",
        )
        raise InsufficientStock([shortage])
    postings = []
    for level in sources:
        if taken := min(level.available, wanted):
            postings.append(Posting(level.location_id, -taken, reason))
            wanted -= taken
    return postings
