"""The figures behind every metric: in memory, and in files from which all processes are summed.

A stand-in for the values of prometheus_client, whose multi-process mode is not made for a machine
in trouble: a full disk makes counting fail, or kills the process. Here nothing that happens to a
file reaches whoever counts: a figure that has no place in a file is kept in memory alone. The
files have the library's own form, so that it merges them. docs/adr/0022 says more.
"""

from __future__ import annotations

import mmap
import os
import struct
from array import array
from threading import RLock
from typing import TYPE_CHECKING, Any, Final

import prometheus_client.values
from prometheus_client.mmap_dict import MmapedDict, mmap_key

from common.observability.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, MutableSequence
    from pathlib import Path

logger = get_logger(__name__)

FIRST_BYTES: Final = 2**16
HEADER: Final = struct.Struct("ii")
"""How many bytes are used, these included; the rest fills up to where doubles are aligned."""
UNREADABLE: Final = (OSError, ValueError, RuntimeError, struct.error)
"""What reading a file may raise that is gone, or is none of ours."""

_nowhere: Final = array("d", [0.0])
"""What is written for others where nobody reads: no figure has to ask whether it is shared."""


class Sheet:
    """A file of figures of one type, written by one process alone.

    Its blocks are taken from the disk before they are mapped: to write to a page for which there
    is no room would end the process. Nobody may ever shorten it, for the same reason; it may be
    deleted at any time.
    """

    def __init__(self, path: Path) -> None:
        """Go on with the file, or make it. Raises OSError."""
        known = places(path)
        if known is None:
            _make(path)
        self._places = known or {}
        self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            self._map(os.fstat(self._file).st_size // 8 * 8)
        except OSError:
            os.close(self._file)
            raise

    def place(self, key: str) -> tuple[MutableSequence[float], int]:
        """Where the figure of this key is: doubles, and which of them. Raises OSError."""
        if key not in self._places:
            self._places[key] = self._append(key)
        return self._doubles, self._places[key]

    def close(self) -> None:
        """Let go of the file. Figures that have a place there keep it mapped."""
        os.close(self._file)

    def _append(self, key: str) -> int:
        text = key.encode()
        padded = text + b" " * (8 - (len(text) + 4) % 8)
        entry = struct.pack(f"i{len(padded)}sdd", len(text), padded, 0.0, 0.0)
        used: int = HEADER.unpack_from(self._bytes)[0]
        end = used + len(entry)
        if end > len(self._bytes):
            _take(self._file, len(self._bytes), len(self._bytes))
            self._map(2 * len(self._bytes))
        self._bytes[used:end] = entry
        self._bytes[: HEADER.size] = HEADER.pack(end, 0)  # last, at once: readers see the entry
        return end // 8 - 2

    def _map(self, size: int) -> None:
        self._bytes = memoryview(mmap.mmap(self._file, size))
        self._doubles: Any = self._bytes.cast("d")


def places(path: Path) -> dict[str, int] | None:
    """Which double holds the figure of each key; None when there is no file that can be read."""
    try:
        with path.open("rb") as file:
            used, _ = HEADER.unpack(file.read(HEADER.size))
        if used < HEADER.size or used % 8 or used > path.stat().st_size:
            return None
        rows = MmapedDict.read_all_values_from_file(path)  # type: ignore[no-untyped-call]
        return {key: position // 8 for key, _, _, position in rows}
    except UNREADABLE:
        return None


def _make(path: Path) -> None:
    """Make an empty file, all at once for whoever reads it."""
    draft = path.with_suffix(".new")
    file = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        _take(file, 0, FIRST_BYTES)
        os.pwrite(file, HEADER.pack(HEADER.size, 0), 0)
    finally:
        os.close(file)
    draft.replace(path)


def _take(file: int, start: int, size: int) -> None:
    """Make a file longer, by blocks that are really there."""
    if os.pwrite(file, bytes(size), start) < size:
        raise OSError("no room for the figures")


class Value:
    """One figure of this process; what prometheus_client makes for each line of a metric."""

    __slots__ = ("_doubles", "_key", "_place", "_sheet", "_value")

    def __init__(
        self,
        kind: str,
        metric: str,
        name: str,
        label_names: list[str],
        label_values: list[str],
        meaning: str,
        multiprocess_mode: str = "",
        **_more: Any,
    ) -> None:
        self._sheet = f"{kind}_{multiprocess_mode}" if kind == "gauge" else kind
        self._key = mmap_key(metric, name, label_names, label_values, meaning)
        self._value = 0.0
        self._doubles: MutableSequence[float] = _nowhere
        self._place = 0
        with _state.lock:
            _state.values.append(self)
            self.settle()

    def inc(self, amount: float) -> None:
        with _state.lock:
            self._value += amount
            self._doubles[self._place] = self._value

    def set(self, value: float, timestamp: float | None = None) -> None:  # noqa: ARG002  as there
        with _state.lock:
            self._value = value
            self._doubles[self._place] = value

    def get(self) -> float:
        return self._value

    def set_exemplar(self, exemplar: object) -> None:
        """Exemplars are not shared between processes."""

    def get_exemplar(self) -> None:
        return None

    def settle(self) -> None:
        """Take the figure's place in the process's files, if it has some, and go on from there."""
        if _state.sheet_named is None:
            return
        try:
            doubles, place = _state.sheet_named(self._sheet).place(self._key)
        except OSError as error:
            _state.warn(error)
            return
        if self._sheet.startswith("gauge"):  # what is so now, else what was so before
            self._value = self._value or doubles[place]
        else:
            self._value += doubles[place]
        doubles[place] = self._value
        self._doubles, self._place = doubles, place

    def begin_anew(self) -> None:
        self._value, self._doubles, self._place = 0.0, _nowhere, 0


class _State:
    """Of this process: all figures, and from where they get their sheets."""

    def __init__(self) -> None:
        self.lock = RLock()  # of one thread twice: a signal or the garbage collector may count
        self.values: list[Value] = []
        self.sheet_named: Callable[[str], Sheet] | None = None
        self._has_warned = False

    def warn(self, error: OSError) -> None:
        """Once: it will be the same for all that come."""
        if not self._has_warned:
            self._has_warned = True
            logger.warning("metrics_not_shared", reason=str(error))


_state: Final = _State()


def settle_in(sheet_named: Callable[[str], Sheet]) -> None:
    """From now on all figures are in these sheets as well, old ones and those to come."""
    with _state.lock:
        _state.sheet_named = sheet_named
        for value in _state.values:
            value.settle()


def begin_anew() -> None:
    """All figures are 0, and in memory alone: for a process that has just been forked."""
    _state.lock = RLock()  # whoever held it is not here
    _state.sheet_named = None
    for value in _state.values:
        value.begin_anew()


def take_over() -> None:
    """From now on all metrics that are made have figures of ours."""
    prometheus_client.values.ValueClass = Value
