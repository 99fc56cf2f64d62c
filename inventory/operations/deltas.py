"""Deltas of one product that come at the same moment share a transaction (docs/adr/0025)."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Final, cast

from django.db import connection

from common.bulkhead import lock_queue
from common.database import in_transaction
from common.errors import DomainError
from common.idempotency.once import Answer, Claim, InProgress, KeyReused, claimed, keep
from common.observability.metrics import stock_lock_wait
from common.observability.refusals import count_refusal
from common.together import Together, Wish
from inventory import queries, rules
from inventory.operations.changes import carry_out
from inventory.operations.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class Key:
    """The key of a request, and how it is answered."""

    claim: Claim
    answer: Callable[[queries.Inventory], Answer]


@dataclass(frozen=True, slots=True)
class Delta:
    """A change that may share a transaction."""

    change: rules.Change
    key: Key | None = None


class AppliedBefore(Enum):
    """The request was, and has its answer already."""

    YES = "yes"


Outcome = queries.Inventory | Answer | AppliedBefore | DomainError


def may_share(changes: Sequence[rules.Change]) -> bool:
    """Whether this is one delta alone, in no transaction yet: others may come with it."""
    is_delta = len(changes) == 1 and changes[0].count is None
    return is_delta and not connection.in_atomic_block


def shared(change: rules.Change) -> queries.Inventory:
    """The inventory after a delta."""
    return cast("queries.Inventory", _outcome(Delta(change)))


def shared_once(change: rules.Change, key: Key) -> Answer | None:
    """The answer to a delta that has a key; None when there is one already."""
    outcome = _outcome(Delta(change, key))
    return outcome if isinstance(outcome, Answer) else None


def _outcome(delta: Delta) -> Outcome:
    outcome = together.ask(delta.change.product_id, delta)
    if not isinstance(outcome, DomainError):
        return outcome
    if not isinstance(outcome, KeyReused | InProgress):
        count_refusal("inventory", outcome)  # here, for what it shared may have begun anew
    raise outcome


@in_transaction
def _apply_deltas(product_id: UUID, wishes: Sequence[Wish[Delta, Outcome]]) -> list[Outcome]:
    """Each decided on what those before it leave, in the name of the request that wants it.

    Locks: the scopes of the keys, which are only tried; all levels of the product, a new location
    against deletion (docs/locking.md).
    """
    outcomes = _claimed(wishes)
    left = [number for number in range(len(wishes)) if number not in outcomes]
    if left:
        ledger = Ledger.locked([product_id])
        applied = {n: wishes[n].context.run(_applied, ledger, wishes[n].wanted) for n in left}
        if not all(isinstance(outcome, DomainError) for outcome in applied.values()):
            ledger.write()
        outcomes |= applied
    return [outcomes[number] for number in range(len(wishes))]


def _claimed(wishes: Sequence[Wish[Delta, Outcome]]) -> dict[int, Outcome]:
    """What is known by its key, by number, before stock is looked at."""
    keys = {n: wish.wanted.key.claim for n, wish in enumerate(wishes) if wish.wanted.key}
    if not keys:
        return {}
    found = zip(keys, claimed(list(keys.values())), strict=True)
    return {
        number: AppliedBefore.YES if isinstance(outcome, Answer) else outcome
        for number, outcome in found
        if outcome is not None
    }


def _applied(ledger: Ledger, delta: Delta) -> Outcome:
    """The inventory as this change leaves it or, for a key, its answer; or why it was refused."""
    change = delta.change
    try:
        ledger.product(change.product_id)
        carry_out(ledger, [change])
    except DomainError as refusal:
        return refusal
    ledger.share_out()  # before the next one decides on it
    inventory = ledger.inventory(change.product_id)
    if delta.key is None:
        return replace(inventory, stock_levels=[copy(level) for level in inventory.stock_levels])
    answer = delta.key.answer(inventory)
    keep(delta.key.claim, answer)
    return answer


together: Final = Together(_apply_deltas, lock_queue, stock_lock_wait)
"""A product that everybody buys is sold to all who wait at once."""
