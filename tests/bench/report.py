"""The tables of ``make bench``, in Markdown that a terminal shows as well."""

from __future__ import annotations

import os
import platform
from statistics import median
from typing import TYPE_CHECKING

import psycopg

from tests.bench.rounds import ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.bench.rounds import Figures, Measured
    from tests.bench.verdicts import Verdict

SETTINGS = ("server_version", "fsync", "synchronous_commit", "wal_level")


def report(
    machine: str, measured: Measured, verdicts: Sequence[Verdict], *, rounds: int, seconds: float
) -> str:
    """All that was found, as one text."""
    return "\n".join(
        [
            "## Targets",
            "",
            *_table(
                ["scenario", "target", "measured", "verdict"],
                [[one.scenario, one.target, one.found, one.word] for one in verdicts],
                figures=0,
            ),
            "",
            "## Figures",
            "",
            *figures(measured),
            "",
            f"{machine} {rounds} rounds of {seconds:g} s for each of all in turn. A figure is the "
            "median of the rounds; a ratio the median of the rounds' ratios, with the least and "
            "the greatest in brackets. CPU is microseconds of processor time for each right "
            "answer, of all processes of the server, and what PostgreSQL, Redis and the load "
            "generator took besides. `others` is the share of the machine that went to what has "
            "nothing to do with the bench, `steal` what the machine's owner gave to others.",
            "",
        ]
    )


def figures(measured: Measured) -> list[str]:
    """The table of what everybody did."""
    heads = [
        "scenario", "who", "right answers/s", "to ours", "CPU µs: server", "PostgreSQL", "Redis",
        "load", "p95 ms", "others", "steal",
    ]  # fmt: skip
    rows = [row for name in measured for row in _rows(name, measured)]
    return _table(heads, rows, figures=len(heads) - 2)


def about_machine(database: str) -> str:
    """The machine and the database server that the figures come from, in one sentence."""
    with psycopg.connect(database) as connection:
        found = [connection.execute(f"SHOW {name}").fetchone() for name in SETTINGS]
    version, fsync, commit, wal = (str(row[0]) for row in found if row)
    return (
        f"{os.cpu_count()} cores, Python {platform.python_version()}, PostgreSQL {version} with "
        f"fsync {fsync}, synchronous_commit {commit} and wal_level {wal}."
    )


def _rows(name: str, measured: Measured) -> list[list[str]]:
    turns = measured[name]
    ours = next(iter(turns.values()))
    return [[name, who, *_cells(ours, figures)] for who, figures in turns.items()]


def _cells(ours: Sequence[Figures], figures: Sequence[Figures]) -> list[str]:
    compared = ratio([one.rate for one in figures], [one.rate for one in ours])
    slowest = [max(one.p95.values(), default=0.0) for one in figures]
    return [
        _middle(figures, lambda one: one.rate),
        f"{compared.middle:.2f}" if figures is not ours else "1",
        _middle(figures, lambda one: one.server),
        _middle(figures, lambda one: one.postgres),
        _middle(figures, lambda one: one.redis),
        _middle(figures, lambda one: one.load),
        f"{median(slowest):.1f}" if any(slowest) else "–",
        f"{median(one.others for one in figures):.0%}",
        f"{median(one.steal for one in figures):.0%}",
    ]


def _middle(figures: Sequence[Figures], of: Callable[[Figures], float]) -> str:
    found = median(map(of, figures))
    return f"{found:,.0f}" if found else "–"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, figures: int) -> list[str]:
    """Markdown with columns as wide as their widest cell; the last ``figures`` to the right."""
    widths = [max(len(row[at]) for row in [heads, *rows]) for at in range(len(heads))]
    first_figure = len(heads) - figures

    def line(cells: Sequence[str]) -> str:
        padded = [
            cell.rjust(width) if at >= first_figure else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return f"| {' | '.join(padded)} |"

    rule = [
        f" {'-' * (width - 1)}{':' if at >= first_figure else '-'} "
        for at, width in enumerate(widths)
    ]
    return [line(heads), f"|{'|'.join(rule)}|", *map(line, rows)]
