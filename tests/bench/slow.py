"""What takes minutes: lists and ``verify_stock`` at a million products, 200 000 requests."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

from tests.bench import scale
from tests.bench.load import PROJECT
from tests.bench.rounds import ratio
from tests.bench.scale import MOVEMENTS_EACH, size_of

if TYPE_CHECKING:
    from collections.abc import Mapping

SMALL, LARGE = 1_000, 1_000_000
LISTS: Final = (
    "products", "products, deep cursor", "active products", "search, rare word",
    "stock levels", "stock levels, deep cursor", "movements", "movements of a product",
)  # fmt: skip
ROUNDS, TIMES = 7, 10
RESIDENT: Final = re.compile(r"^\| ([\d,]+) \| ([\d.]+) \|$", re.MULTILINE)
SETTLED: Final = 10_000
"""Requests after which a web process has loaded all that it needs."""


def measured() -> dict[str, Any]:
    """By the names that ``verdicts.of_singles`` knows."""
    with ExitStack() as at_end:
        sizes = [
            at_end.enter_context(size_of(products, MOVEMENTS_EACH * products, is_kept=False))
            for products in (SMALL, LARGE)
        ]
        for size in sizes:
            for name in LISTS:
                size.ask(name, 0)  # warms up
        costs = scale.measured(sizes, LISTS, rounds=ROUNDS, times=TIMES)
        lists = {name: ratio(found[1], found[0]) for name, found in costs.items()}
        seconds = _verify_seconds(sizes[1].settings) / MOVEMENTS_EACH
    return {"lists": lists, "verify_stock": seconds, "growth": _growth()}


def _verify_seconds(settings: Mapping[str, str]) -> float:
    """How long ``verify_stock`` takes, from nothing to its exit, in the large database."""
    command = [sys.executable, "manage.py", "verify_stock", "--verbosity=0"]
    began = time.perf_counter()
    subprocess.run(command, cwd=PROJECT, env=settings, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def _growth() -> float:
    """Megabytes by which a web process grows from its ten-thousandth request to the last."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.memory"],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found = [
        (int(count.replace(",", "")), float(size)) for count, size in RESIDENT.findall(done.stdout)
    ]
    return found[-1][1] - dict(found)[SETTLED]
