"""The figures of several processes as one.

As prometheus_client merges its files, but in a quarter of the time: it is a web process that does
it, and others wait. What a key means is read once, not at every scrape.
"""

from __future__ import annotations

import json
from collections import defaultdict
from functools import lru_cache
from operator import add
from sys import intern
from typing import TYPE_CHECKING, Final, NamedTuple

from prometheus_client import Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.samples import Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    Figures = dict[str, float]

MOST_KEYS: Final = 2**16


class _Key(NamedTuple):
    """What a figure is of; ``bound`` is the upper one of a histogram's bucket."""

    metric: str
    name: str
    labels: dict[str, str]
    meaning: str
    bound: float | None
    group: tuple[str, ...]
    """The labels without the bound, for what belongs together in a histogram."""


def merged(files: Iterable[Path]) -> list[Metric]:
    """One family for each metric. Raises ``values.UNREADABLE`` for a file that is none of ours."""
    figures: defaultdict[str, Figures] = defaultdict(dict)
    for file in files:
        kind, *mode, _seat = file.stem.split("_")
        _combine(figures[kind], file, _way(mode))
    return [
        family
        for kind, of_kind in figures.items()
        for family in (_histograms(of_kind) if kind == "histogram" else _plain(kind, of_kind))
    ]


def _way(mode: list[str]) -> Callable[[float, float], float]:
    """Gauges say in which way theirs make one; all other figures are added."""
    if mode and mode[0].endswith("max"):
        return max
    return min if mode and mode[0].endswith("min") else add


def _combine(figures: Figures, file: Path, way: Callable[[float, float], float]) -> None:
    rows = MmapedDict.read_all_values_from_file(file)  # type: ignore[no-untyped-call]
    for key, value, _, _ in rows:
        figures[key] = way(figures[key], value) if key in figures else value


def _plain(kind: str, figures: Figures) -> Iterable[Metric]:
    families: dict[str, Metric] = {}
    for text, value in figures.items():
        key = _read(text)
        family = families.setdefault(key.metric, Metric(key.metric, key.meaning, kind))
        family.samples.append(Sample(key.name, key.labels, value))
    return families.values()


def _histograms(figures: Figures) -> Iterable[Metric]:
    """Each process counts what fell into a bucket; Prometheus wants those below it too."""
    families: dict[str, Metric] = {}
    groups: defaultdict[tuple[str, ...], list[tuple[_Key, float]]] = defaultdict(list)
    for text, value in figures.items():
        key = _read(text)
        if key.metric not in families:
            families[key.metric] = Metric(key.metric, key.meaning, "histogram")
        groups[key.metric, *key.group].append((key, value))
    for (metric, *_), members in groups.items():
        families[metric].samples += _cumulative(members)
    return families.values()


def _cumulative(members: list[tuple[_Key, float]]) -> Iterable[Sample]:
    total = 0.0
    buckets = [(key.bound, key, value) for key, value in members if key.bound is not None]
    for _, key, value in sorted(buckets, key=lambda bucket: bucket[0]):
        total += value
        yield Sample(key.name, key.labels, total)
    for key, value in members:
        if key.bound is None:
            yield Sample(f"{key.metric}_count", key.labels, total)
            yield Sample(key.name, key.labels, value)


@lru_cache(maxsize=MOST_KEYS)
def _read(text: str) -> _Key:
    metric, name, labels, meaning = json.loads(text)
    metric, name, meaning = map(intern, (metric, name, meaning))  # there are few, kept many times
    bound = float(labels["le"]) if "le" in labels else None
    group = tuple(f"{label}={value}" for label, value in labels.items() if label != "le")
    return _Key(metric, name, labels, meaning, bound, group)
