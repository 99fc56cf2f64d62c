"""``make race``: races on a server of its own, then one line for each assertion.

Ends with exit code 1 when anything is not as promised.
"""

# ruff: noqa: T201 - its output is the terminal

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.race.running import Race, Verdict

DEFAULT_LENGTH: Final = 10_000
DEFAULT_SECONDS: Final = 120.0
SHOWN: Final = 5  # violations of each assertion


def main() -> int:
    os.environ["DEVELOPMENT"] = "1"
    os.environ.setdefault("DATA_DIR", ".data/race")
    from config.environment import DATA_DIR
    from config.own_servers import own_servers
    from tests.race.running import run

    race = _race()
    folder = DATA_DIR / f"race-{race.seed}"
    folder.mkdir(parents=True, exist_ok=True)
    print(f"seed {race.seed}, {race.length} operations, planted: {race.plant or 'nothing'}")
    with own_servers(durable=False):
        verdict = run(race, folder)
    _report(verdict)
    if verdict.is_as_promised:
        shutil.rmtree(folder)
        print("All is as promised.")
        return 0
    print(f"NOT as promised; the server's log is {folder / 'web.log'}")
    return 1


def _race() -> Race:
    from tests.race.operations import Plant
    from tests.race.running import Race

    parser = argparse.ArgumentParser(prog="python -m tests.race", description=__doc__)
    parser.add_argument("--length", type=int, metavar="N", help="operations, however long it takes")
    parser.add_argument("--seed", type=int, help="of an earlier run, for the same schedule")
    parser.add_argument("--plant", type=Plant, choices=list(Plant), help="a bug that must be found")
    given = parser.parse_args()
    return Race(
        seed=secrets.randbelow(10**6) if given.seed is None else given.seed,
        length=given.length or DEFAULT_LENGTH,
        plant=given.plant,
        seconds=float("inf") if given.length else DEFAULT_SECONDS,
        shows_progress=True,
    )


def _report(verdict: Verdict) -> None:
    from tests.race.checker import ASSERTIONS
    from tests.race.history import Outcome

    entries = verdict.entries
    doubtful = [entry for entry in entries if entry.was_unknown]
    figures = {
        "operations": (len(entries), f"{len(entries) / verdict.seconds:.0f} a second"),
        "requests": (sum(entry.requests for entry in entries), "with every retry"),
        "acknowledged": (verdict.count(Outcome.OK), ""),
        "refused": (verdict.count(Outcome.REFUSED), ""),
        "unknown settled": (
            sum(entry.outcome != Outcome.UNKNOWN for entry in doubtful),
            f"of {len(doubtful)} that a retry had to settle",
        ),
        **{f"holds {status}": (count, "") for status, count in verdict.holds.items()},
        **{name: (count, "") for name, count in verdict.kills.items()},
    }
    meanings = {name: meaning for name, (meaning, _) in ASSERTIONS.items()}
    meanings["verify_stock"] = "what the operators' command finds"
    print(f"{verdict.seconds:.0f} s")
    for name, (figure, note) in figures.items():
        print(f"  {name:<32} {figure:>8}  {note}".rstrip())
    for name, found in verdict.violations.items():
        print(f"{'!' if found else ' '} {name:<32} {len(found):>8}  {meanings[name]}")
        for violation in list(dict.fromkeys(found))[:SHOWN]:
            print(f"      {violation}")


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())
    sys.exit(130)
