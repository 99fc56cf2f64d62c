"""What the machine's processors do meanwhile: for the servers, and for everybody else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of processor time between two looks.

    ``by`` is what each of the watched processes took with all its children, ``busy`` what anybody
    did, ``stolen`` what the machine's owner gave to other machines, ``possible`` all there was.
    """

    by: dict[str, float]
    busy: float
    stolen: float
    possible: float

    def of_others(self, ours: float) -> float:
        """The share of the machine that was taken by what has nothing to do with the bench."""
        return max(0.0, self.busy - sum(self.by.values()) - ours) / self.possible

    @property
    def steal(self) -> float:
        return self.stolen / self.possible


class Watch:
    """A look at the processors now; ``spent()`` tells what has been used since."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = pids
        self._before = self._so_far()

    def spent(self) -> Spent:
        before, now = self._before, self._so_far()
        return Spent(
            by={name: now.by[name] - before.by[name] for name in now.by},
            busy=now.busy - before.busy,
            stolen=now.stolen - before.stolen,
            possible=now.possible - before.possible,
        )

    def _so_far(self) -> Spent:
        """Since the machine started."""
        times = psutil.cpu_times()._asdict()
        counted_twice = ("guest", "guest_nice")  # they are part of user and nice
        possible = sum(taken for name, taken in times.items() if name not in counted_twice)
        stolen = times.get("steal", 0.0)
        return Spent(
            by={name: tree_seconds(pid) for name, pid in self._pids.items()},
            busy=possible - times["idle"] - times.get("iowait", 0.0) - stolen,
            stolen=stolen,
            possible=possible,
        )


def tree_seconds(pid: int) -> float:
    """Processor seconds of a process and all that came of it, those that have ended included."""
    total = 0.0
    for process in family(pid):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:  # its parent has its time by now
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def family(pid: int) -> list[psutil.Process]:
    """A process and its living descendants."""
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]
