"""The figures and the verdict of docs/performance.md: ``make bench``, or ``ARGS=--quick``.

Starts ours, a peer, and an application that does nothing, each in two processes on the same
PostgreSQL and Redis, and asks them the same in turn; pgbench runs the same statements without
any of them. It ends with 1 when an answer was wrong or stock is not what the answers say, and
never because something was slow.
"""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from tests.bench.load import PROJECT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.rounds import Scenario


def main() -> None:
    wanted = _arguments()
    os.environ.setdefault("DATA_DIR", str(PROJECT / ".data" / "bench"))
    os.environ.setdefault("DEVELOPMENT", "1")
    from config.own_servers import own_servers

    with ExitStack() as at_end:
        at_end.enter_context(own_servers())
        folder = Path(at_end.enter_context(TemporaryDirectory()))
        text = _measured(wanted, folder)
    print(text)
    file = wanted.report or Path(os.environ["DATA_DIR"]) / "report.md"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    print(f"Written to {file}", file=sys.stderr)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--quick", action="store_true", help="three short rounds, without what takes minutes"
    )
    parser.add_argument("--rounds", type=int, help="7, or 3 when quick")
    parser.add_argument("--seconds", type=float, help="for each turn: 4, or 1 when quick")
    parser.add_argument(
        "--only", default="", metavar="WORD", help="scenarios with it in their name"
    )
    parser.add_argument(
        "--peer", metavar="MODULE:NAME", help="another ASGI application to compare with"
    )
    parser.add_argument(
        "--lean-peer", action="store_true", help="also a peer without events, metrics and keys"
    )
    parser.add_argument("--report", type=Path, metavar="FILE", help="DATA_DIR/report.md")
    wanted = parser.parse_args()
    wanted.rounds = wanted.rounds or (3 if wanted.quick else 7)
    wanted.seconds = wanted.seconds or (1.0 if wanted.quick else 4.0)
    return wanted


def _measured(wanted: argparse.Namespace, folder: Path) -> str:
    from tests.bench import report, rounds, singles, verdicts
    from tests.bench.contenders import PEER, contenders
    from tests.bench.scenarios import all_scenarios, warm_up, watched

    with contenders(folder, peer=wanted.peer or PEER, with_lean=wanted.lean_peer) as field:
        chosen = _chosen(all_scenarios(field, watched(), folder), wanted.only)
        warm_up(field)
        machine = report.about_machine(field.ours.database)
        measured = rounds.measured(chosen, rounds=wanted.rounds, seconds=wanted.seconds)
        found: dict[str, Any] = {}
        if not wanted.only:
            found = {
                "key check": singles.key_check(field.server, field.ours.key),
                "resident": singles.resident_megabytes(field.ours.pid),
                "stale": singles.stale_answers(field.server, field.ours),
            }
    if not wanted.only and not wanted.quick:
        from tests.bench import slow

        found |= slow.measured()
    judged = [] if wanted.only else verdicts.of_rounds(measured) + verdicts.of_singles(found)
    return report.report(machine, measured, judged, rounds=wanted.rounds, seconds=wanted.seconds)


def _chosen(scenarios: Sequence[Scenario], word: str) -> list[Scenario]:
    return [scenario for scenario in scenarios if word in scenario.name]


if __name__ == "__main__":
    main()
