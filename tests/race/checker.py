"""What must be true of every history (RULES §1). Pure: no server, no database, no clock.

Each assertion is a function that yields a sentence for each violation that it finds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.race import ledgers, promises, refusals, told
from tests.race.known import Known

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.race.history import History

ASSERTIONS: Final[dict[str, tuple[str, Callable[[Known], Iterator[str]]]]] = {
    "lost": ("acknowledged, and not in the ledger", told.lost),
    "doubled": ("in the ledger more than once", told.doubled),
    "done though refused": ("refused, and in the ledger all the same", told.done_though_refused),
    "unsettled": ("still unknown after every retry", told.unsettled),
    "oversold": ("stock levels that gave more than they had", ledgers.oversold),
    "wrong totals": ("opening + Σ delta = on hand = the last on_hand_after", ledgers.wrong_totals),
    "gaps": ("sequences other than 1, 2, 3 … N", ledgers.gaps),
    "out of order": ("completed first, and later in the ledger", ledgers.out_of_order),
    "mismatched": ("ledger lines that are not what was asked for", told.mismatched),
    "wrong answers": ("answers that differ from their ledger line", told.wrong_answers),
    "wrong reads": ("stock as it never was while it was read", told.wrong_reads),
    "unjustified": (
        "refusals that nothing in their window explains",
        refusals.unjustified_refusals,
    ),
    "differing replays": ("same key, and not the same bytes again", told.differing_replays),
    "missing events": ("movements that no event tells of truly", ledgers.missing_events),
    "surplus events": ("events without a movement, or told twice", ledgers.surplus_events),
    "not whole": ("holds with a line missing, or refused and held", promises.not_whole),
    "resolved twice": ("holds not ended in one way, as acknowledged", promises.resolved_twice),
    "wrong reserved": ("reserved = Σ open allocations of the level", promises.wrong_reserved),
    "wrong batches": ("allocated = Σ allocations, received = Σ receipts", promises.wrong_batches),
    "wrong lines": ("quantity = shipped + allocated + unallocated", promises.wrong_lines),
    "wrong shipments": ("Σ shipment movements = Σ shipped", promises.wrong_shipments),
    "overpromised": ("reserved ≤ on hand, allocated ≤ outstanding", promises.overpromised),
    "deadlocks": ("as pg_stat_database counts them", ledgers.deadlocks),
    "unexplained": ("answers and ledger lines that nothing accounts for", ledgers.unexplained),
}
"""Name, meaning and check of each; a race prints one line for each."""


def check(history: History) -> dict[str, list[str]]:
    """The violations of each assertion; all lists are empty when the history is as promised."""
    known = Known(history)
    return {name: list(assertion(known)) for name, (_, assertion) in ASSERTIONS.items()}
