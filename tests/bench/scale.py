"""What requests cost as the tables grow: ``python -m tests.bench.scale``.

Fills a database of each size with ``seed_demo``, and sends the same requests to all of them in
turn, so that what else the machine does falls on each alike. A cost is processor time of the web
process and of its PostgreSQL process together, in microseconds for each request: the median of
the rounds. It is compared with that of the smallest size.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import psycopg
from psycopg import sql
from tqdm import tqdm

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PROJECT: Final = Path(__file__).resolve().parents[2]
TARGET: Final = 1.15
MOVEMENTS_EACH: Final = 3


class Size:
    """One database and the web process that serves it."""

    def __init__(
        self, products: int, process: subprocess.Popen[str], settings: Mapping[str, str]
    ) -> None:
        self.products = products
        self.settings = settings
        self.process = process
        self.names: list[str] = self._answer()

    def ask(self, name: str, times: int) -> Any:
        """The cost of so many requests; for none, what the request makes PostgreSQL read."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps([name, times]) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"The web process of {self.products} products has ended.")
        return json.loads(line)


def main() -> None:
    wanted = _arguments()
    os.environ.setdefault("DATA_DIR", str(PROJECT / ".data" / "bench"))
    os.environ.setdefault("DEVELOPMENT", "1")
    from config.own_servers import own_servers

    with ExitStack() as at_end:
        at_end.enter_context(own_servers())
        sizes = [
            at_end.enter_context(size_of(products, MOVEMENTS_EACH * products, is_kept=wanted.keep))
            for products in wanted.sizes
        ]
        names = [name for name in sizes[0].names if wanted.only in name]
        read = {name: [size.ask(name, 0) for size in sizes] for name in names}
        costs = measured(sizes, names, rounds=wanted.rounds, times=wanted.times)
    _print_table(wanted.sizes, costs, read)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--sizes",
        type=lambda text: [int(part) for part in text.split(",")],
        default=[1_000, 100_000],
        help="numbers of products, the smallest first (%(default)s)",
    )
    parser.add_argument("--rounds", type=int, default=7, help="%(default)s")
    parser.add_argument("--times", type=int, default=10, help="requests a round (%(default)s)")
    parser.add_argument("--only", default="", metavar="WORD", help="requests with it in their name")
    parser.add_argument("--keep", action="store_true", help="keep the databases for the next run")
    return parser.parse_args()


@contextmanager
def size_of(products: int, movements: int, *, is_kept: bool) -> Iterator[Size]:
    """A database of this size and its web process."""
    from config import environment
    from config.own_servers import own_database_url

    server = environment.url("DATABASE_URL") or own_database_url()
    name = f"bench_{products}_{movements}"
    address = urlsplit(server)._replace(path=f"/{name}").geturl()
    settings = os.environ | {"DATABASE_URL": address}
    with psycopg.connect(server, autocommit=True) as connection:
        found = connection.execute("SELECT FROM pg_database WHERE datname = %s", [name])
        if not found.rowcount:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            _fill(products, movements, address, settings)
            with _web_process(settings) as process:
                yield Size(products, process, settings)
        finally:
            if not is_kept:
                drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
                connection.execute(drop)


def _fill(products: int, movements: int, address: str, settings: Mapping[str, str]) -> None:
    """The demo of this size; where it is already, nothing happens."""
    _manage(settings, "migrate", "--verbosity=0")
    _manage(settings, "seed_demo", "--products", str(products), "--movements", str(movements))
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("SET statement_timeout = 0")
        connection.execute("VACUUM (ANALYZE)")


def _manage(settings: Mapping[str, str], *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT,
        env=settings,
        stdout=sys.stderr,
        check=True,
    )


@contextmanager
def _web_process(settings: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.one_size"],
        cwd=PROJECT,
        env=settings,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=sys.stderr,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


Costs = dict[str, list[list[float]]]


def measured(sizes: Sequence[Size], names: Sequence[str], *, rounds: int, times: int) -> Costs:
    """For each request and each size, its cost in each round."""
    costs: Costs = {name: [[] for _ in sizes] for name in names}
    for number in tqdm(range(rounds), unit=" rounds", file=sys.stderr, disable=None):
        for name in names:
            turns = list(zip(sizes, costs[name], strict=True))
            for size, found in turns if number % 2 else reversed(turns):
                found.append(sum(size.ask(name, times).values()))
    return costs


def _print_table(
    sizes: Sequence[int], costs: Costs, read: Mapping[str, Sequence[Mapping[str, Any]]]
) -> None:
    others = sizes[1:]
    heads = [f"µs at {size:,} | ratio | buffers" for size in others]
    print(f"| request | µs at {sizes[0]:,} | buffers | {' | '.join([*heads, 'verdict'])} |")
    print("|---|" + "--:|" * (2 + 3 * len(others)) + "---|")
    over = 0
    for name, found in costs.items():
        base = median(found[0])
        ratios = [_ratio(found[0], one) for one in found[1:]]
        cells = [f"{base:,.0f} | {read[name][0]['buffers']:,}"]
        for one, ratio, seen in zip(found[1:], ratios, read[name][1:], strict=True):
            cells.append(f"{median(one):,.0f} | {ratio:.2f} | {seen['buffers']:,}")
        verdict = _verdict(ratios, read[name][1:])
        over += bool(verdict)
        print(f"| {name} | {' | '.join(cells)} | {verdict or 'flat'} |")
    print(
        f"\n{len(costs) - over} of {len(costs)} requests cost at most {TARGET} times as much as at "
        f"{sizes[0]:,} products and read no large table from end to end."
    )


def _ratio(small: Sequence[float], large: Sequence[float]) -> float:
    """The median of the rounds' ratios: both halves of a pair met the same machine."""
    return median(after / before for before, after in zip(small, large, strict=True))


def _verdict(ratios: Sequence[float], read: Sequence[Mapping[str, Any]]) -> str:
    said = []
    if max(ratios, default=0) > TARGET:
        said.append("grows")
    if scanned := sorted({table for one in read for table in one["end_to_end"]}):
        said.append(f"reads all of {', '.join(scanned)}")
    return "; ".join(said)


if __name__ == "__main__":
    main()
