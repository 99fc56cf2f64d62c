"""How long staff wait for each page: ``python -m tests.bench.pages``.

Fills a database with ``seed_demo`` and opens every list, filter and page of the back office in one
web process. A figure is wall time, in milliseconds: the first one, and the median of the others.
Measure on a quiet machine: what else it does is in the figures.
"""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from statistics import median
from time import perf_counter
from typing import Final

from tests.bench.scale import PROJECT, Size, size_of

PRODUCTS: Final = 100_000
MOVEMENTS: Final = 1_000_000
TARGET: Final = 300.0  # milliseconds
TIMES: Final = 5


def main() -> None:
    os.environ.setdefault("DATA_DIR", str(PROJECT / ".data" / "bench"))
    os.environ.setdefault("DEVELOPMENT", "1")
    from config.own_servers import own_servers

    with ExitStack() as at_end:
        at_end.enter_context(own_servers())
        size = at_end.enter_context(size_of(PRODUCTS, MOVEMENTS, is_kept="--keep" in sys.argv))
        times = {
            name: [_time(size, name) for _ in range(TIMES)]
            for name in size.names
            if name.startswith("admin, ")
        }
    print("| page | first, ms | then, ms |\n|---|--:|--:|")
    for name, found in sorted(times.items(), key=lambda one: -median(one[1][1:])):
        print(f"| {name.removeprefix('admin, ')} | {found[0]:.0f} | {median(found[1:]):.0f} |")
    over = sum(median(found[1:]) > TARGET for found in times.values())
    print(f"\n{len(times) - over} of {len(times)} pages take at most {TARGET:.0f} ms.")


def _time(size: Size, name: str) -> float:
    begin = perf_counter()
    size.ask(name, 1)
    return (perf_counter() - begin) * 1_000


if __name__ == "__main__":
    main()
