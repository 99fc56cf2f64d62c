"""A short race is won, and lost with each planted bug: what ``make race`` does at length."""

from __future__ import annotations

import pytest

from tests.race.history import Outcome
from tests.race.operations import Plant
from tests.race.running import Race, run

pytestmark = [pytest.mark.slow, pytest.mark.concurrency]

SEED = 667  # many who are late, count or receive; receipts that meet a death after COMMIT
LENGTH = 250
LONG_ENOUGH = 15  # seconds for a race in which a request may take that long: deadlocks are slow
PATIENCE = 2  # seconds, with what a planted bug breaks for good
FOUND_BY = {
    Plant.NO_LOCK: {"wrong totals", "gaps", "verify_stock"},
    Plant.NO_ORDER: {"deadlocks"},
    Plant.NO_GUARD: {"mismatched"},
    Plant.RECORD_APART: {"doubled"},
    Plant.EVENT_LOST: {"missing events"},
    Plant.NO_CLOCK: {"resolved twice"},
    Plant.UNLOCKED_HOLD: {"wrong totals"},
    Plant.FREED_TWICE: {"wrong reserved"},
    Plant.PROMISES_LEFT: {"overpromised"},
    Plant.OVERDUE_COUNTS: {"unjustified"},
}


def test_a_short_race_is_as_promised(tmp_path):
    verdict = run(Race(seed=SEED, length=LENGTH), tmp_path)
    assert {name: found for name, found in verdict.violations.items() if found} == {}
    assert verdict.is_as_promised
    assert LENGTH * 0.9 < len(verdict.entries) <= LENGTH  # without what nobody made
    assert {"shipped", "released", "expired"} <= verdict.holds.keys()
    assert min(verdict.count(Outcome.OK), verdict.count(Outcome.REFUSED)) > 0
    assert all(verdict.kills.values())
    assert any(entry.was_unknown for entry in verdict.entries)


@pytest.mark.parametrize("plant", Plant)
def test_a_planted_bug_is_found(plant, tmp_path):
    """At the latest in the third race: who meets whom is up to the machine."""
    seconds = LONG_ENOUGH if plant == Plant.NO_ORDER else float("inf")
    found: set[str] = set()
    for seed in (SEED, SEED + 1, SEED + 2):
        race = Race(seed=seed, length=LENGTH, plant=plant, seconds=seconds, patience=PATIENCE)
        folder = tmp_path / str(seed)
        folder.mkdir()
        verdict = run(race, folder)
        found |= {name for name, violations in verdict.violations.items() if violations}
        if found >= FOUND_BY[plant]:
            return
    raise AssertionError(f"found {found}, not {FOUND_BY[plant] - found}")
