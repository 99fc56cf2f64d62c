"""The targets, and whether they were met."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from tests.bench import scenarios
from tests.bench.rounds import Ratio, ratio

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.bench.rounds import Figures, Measured

OURS, PEER, FLOOR = "ours", "peer", "bare WSGI"
ONE_STATEMENT, DECREMENT = "pgbench, 1 statement", "one decrement"
EQUAL: Final = 0.95
"""Equal rates come out this far apart on a machine that does other things too."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One target, what was measured, and whether it is enough; None where nothing was measured."""

    scenario: str
    target: str
    found: str
    is_met: bool | None

    @property
    def word(self) -> str:
        return {True: "met", False: "missed", None: "not measured"}[self.is_met]


def of_rounds(measured: Measured) -> list[Verdict]:
    """The targets that compare contenders."""
    found = []
    for name in (scenarios.READ_FEW, scenarios.READ_MANY):
        ours, peer = measured[name][OURS], measured[name][PEER]
        found.append(_to_peer(name, measured[name], 1.5))
        found.append(_at_most(name, "≤ 0.67 times its CPU", _costs(ours, peer), 0.67))
        floor = _costs(ours, measured[name][FLOOR])
        found.append(_at_most(name, "≤ 3 times the CPU of bare WSGI", floor, 3))
    spread, hot = measured[scenarios.SPREAD], measured[scenarios.HOT_FEW]
    many = measured[scenarios.HOT_MANY][OURS]
    target = f"no slower than c={scenarios.FEW} (≥ {EQUAL} times its rate)"
    found += [
        _to_peer(scenarios.SPREAD, spread, 3),
        _to_peer(scenarios.HOT_FEW, hot, 4),
        _against_pgbench(hot),
        _at_least(scenarios.HOT_MANY, target, _rates(many, hot[OURS]), EQUAL),
    ]
    basket = measured[scenarios.BASKET_OF_FIVE]
    rates = _rates(basket[OURS], basket[DECREMENT])
    found.append(_at_least(scenarios.BASKET_OF_FIVE, "≥ half the rate of decrements", rates, 0.5))
    return found + _of_fifty(measured[scenarios.FIFTY][OURS])


def _to_peer(scenario: str, turns: Mapping[str, Sequence[Figures]], limit: float) -> Verdict:
    target = f"≥ {limit:g} times the rate of the peer"
    return _at_least(scenario, target, _rates(turns[OURS], turns[PEER]), limit)


def _against_pgbench(hot: Mapping[str, Sequence[Figures]]) -> Verdict:
    target = "≥ 55 % of pgbench's single statement"
    if ONE_STATEMENT not in hot:
        return Verdict(scenarios.HOT_FEW, target, "there is no pgbench here", None)
    return _at_least(scenarios.HOT_FEW, target, _rates(hot[OURS], hot[ONE_STATEMENT]), 0.55)


def _of_fifty(ours: Sequence[Figures]) -> list[Verdict]:
    found = []
    for kind, what, limit in (("read", "cached read", 50), ("decrement", "stock write", 100)):
        middle = median(one.p95[kind] for one in ours)
        target = f"p95 of a {what} ≤ {limit} ms"
        found.append(Verdict(scenarios.FIFTY, target, f"{middle:.0f} ms", middle <= limit))
    return found


def of_singles(singles: Mapping[str, Any]) -> list[Verdict]:
    """The targets of ours alone; what is missing among ``singles`` was not measured."""
    check, (stale, looks) = singles["key check"], singles["stale"]
    said = f"{check['mean']:.1f} µs, {check['warm']} queries when warm, {check['cold']} when cold"
    is_met = check["mean"] <= 200 and check["warm"] == 0 and check["cold"] <= 1
    said_of_stale = f"{stale} of {looks} stale"
    process = "web process"
    return [
        Verdict("API-key check", "≤ 200 µs, no query when warm", said, is_met),
        Verdict("cached GET after a change", "never stale", said_of_stale, not stale),
        _limit(singles, "resident", process, "≤ 120 MB resident", 120, "MB"),
        _limit(singles, "growth", process, "grows ≤ 5 MB in 200 000 requests", 5, "MB"),
        _limit(singles, "verify_stock", "verify_stock", "≤ 60 s a million movements", 60, "s"),
        *_of_lists(singles.get("lists")),
    ]


def _of_lists(lists: Mapping[str, Ratio] | None) -> list[Verdict]:
    target = "≤ 1.15 times the cost at 1 k products"
    if not lists:
        return [Verdict("lists at 1 M products", target, "", None)]
    return [
        _at_most(f"list at 1 M products: {name}", target, found, 1.15)
        for name, found in lists.items()
    ]


def _limit(
    singles: Mapping[str, Any], name: str, scenario: str, target: str, limit: float, unit: str
) -> Verdict:
    if name not in singles:
        return Verdict(scenario, target, "", None)
    return Verdict(scenario, target, f"{singles[name]:.1f} {unit}", singles[name] <= limit)


def _rates(ours: Sequence[Figures], theirs: Sequence[Figures]) -> Ratio:
    return ratio([one.rate for one in ours], [one.rate for one in theirs])


def _costs(ours: Sequence[Figures], theirs: Sequence[Figures]) -> Ratio:
    return ratio([one.server for one in ours], [one.server for one in theirs])


def _at_least(scenario: str, target: str, found: Ratio, limit: float) -> Verdict:
    return Verdict(scenario, target, str(found), found.middle >= limit)


def _at_most(scenario: str, target: str, found: Ratio, limit: float) -> Verdict:
    return Verdict(scenario, target, str(found), found.middle <= limit)
