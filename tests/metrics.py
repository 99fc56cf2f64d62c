"""What Prometheus is told, read as Prometheus reads it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.request import urlopen

from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric
    from prometheus_client.samples import Sample

    from tests.running import RunningServer


class Told:
    """The figures of one answer of ``/metrics``."""

    def __init__(self, text: str) -> None:
        self.families: list[Metric] = list(text_string_to_metric_families(text))
        self.samples: list[Sample] = [one for family in self.families for one in family.samples]

    def __call__(self, name: str, **labels: str) -> float:
        """The sum of the figures of this name that have these labels, and maybe others."""
        return sum(
            one.value
            for one in self.samples
            if one.name == name and labels.items() <= one.labels.items()
        )


def scraped(server: RunningServer) -> Told:
    with urlopen(f"{server.base_url}/metrics", timeout=10) as answer:  # noqa: S310 - it is http
        return Told(answer.read().decode())


@dataclass(slots=True)
class Moved:
    """By how much figures of this process have grown in a block; ask after it."""

    _before: dict[tuple[str, frozenset[tuple[str, str]]], float]
    _after: dict[tuple[str, frozenset[tuple[str, str]]], float]

    def __call__(self, name: str, **labels: str) -> float:
        """Of this name, with these labels and maybe others."""
        wanted = frozenset(labels.items())
        return sum(
            value - self._before.get(key, 0.0)
            for key, value in self._after.items()
            if key[0] == name and wanted <= key[1]
        )

    @property
    def new(self) -> int:
        """How many figures there had not been before."""
        return len(self._after.keys() - self._before.keys())


@contextmanager
def moving() -> Iterator[Moved]:
    moved = Moved(_figures(), {})
    yield moved
    moved._after = _figures()


def _figures() -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (one.name, frozenset(one.labels.items())): one.value
        for family in REGISTRY.collect()
        for one in family.samples
        if not one.name.startswith(("python_", "process_")) and not one.name.endswith("_created")
    }
