"""How cost grows with the number of clients: ``python -m tests.bench.clients``.

Cached reads and decrements of ours and of the peer, at 1, 4, 16, 50 and 200 clients that send the
next request as soon as they have the last answer.
"""

from __future__ import annotations

import argparse
import os
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from tests.bench.load import PROJECT

if TYPE_CHECKING:
    from tests.bench.contenders import Field
    from tests.bench.rounds import Scenario

CLIENTS: Final = (1, 4, 16, 50, 200)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="%(default)s")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each turn (%(default)s)")
    wanted = parser.parse_args()
    os.environ.setdefault("DATA_DIR", str(PROJECT / ".data" / "bench"))
    os.environ.setdefault("DEVELOPMENT", "1")
    from config.own_servers import own_servers
    from tests.bench import report, rounds
    from tests.bench.contenders import contenders
    from tests.bench.scenarios import warm_up, watched

    with ExitStack() as at_end:
        at_end.enter_context(own_servers())
        folder = Path(at_end.enter_context(TemporaryDirectory()))
        field = at_end.enter_context(contenders(folder))
        warm_up(field)
        scenarios = _scenarios(field, watched())
        measured = rounds.measured(scenarios, rounds=wanted.rounds, seconds=wanted.seconds)
    print("\n".join(report.figures(measured)))


def _scenarios(field: Field, watched: dict[str, int]) -> list[Scenario]:
    from tests.bench.rounds import Scenario
    from tests.bench.scenarios import Asking, decrements, reads

    both = (field.ours, field.peer)
    return [
        Scenario(
            f"{name}, c={clients}",
            {who.name: Asking(who, asks(who), clients, watched) for who in both},
        )
        for name, asks in (
            ("cached GET", reads),
            ("decrement, spread", lambda who: decrements(who, len(who.products))),
            ("decrement, hot row", lambda who: decrements(who, 1)),
        )
        for clients in CLIENTS
    ]


if __name__ == "__main__":
    main()
