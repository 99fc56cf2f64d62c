"""The processes of one service count together: whichever is asked for metrics tells of all.

Each has a seat, ``web-0``, ``web-1``, …, and files of that name. The seat is a lock on a file,
which the kernel gives back however the process ends: the next one takes the lowest that is free,
and goes on where its predecessor stopped. So no count is lost when a worker dies or is replaced,
and there are never more files than processes at one time.

    sharing.begin("worker-9102")   in the process that forks the others, before it does
    sharing.share_as("worker")     in every process that counts, once it runs

A process that is forked counts in memory, from 0, until it takes a seat of its own. One that
nobody forked and that forks nobody needs no ``begin``.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

from common.observability import merging, values
from common.observability.logs import get_logger
from common.observability.values import Sheet

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client import Metric

logger = get_logger(__name__)

VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
IN_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - the folder there is ours alone, or not used
RUN: Final = "run.lock"
MOST_SEATS: Final = 1024


class _Seat:
    """A name that no other living process has, and the files that go by it."""

    def __init__(self, folder: Path, kind: str) -> None:
        """Take the lowest free one. Raises OSError."""
        self._folder = folder
        for number in count():
            self._name = f"{kind}-{number}"
            self._lock = _opened(folder / f"{self._name}.lock")
            if _locked(self._lock, fcntl.LOCK_EX):
                break
            os.close(self._lock)
            if number == MOST_SEATS:
                raise OSError("no seat is free")
        self._sheets: dict[str, Sheet] = {}
        for file in folder.glob(f"gauge_live*_{self._name}.db"):  # what is so while one lives
            file.unlink(missing_ok=True)

    def sheet(self, of: str) -> Sheet:
        if of not in self._sheets:
            self._sheets[of] = Sheet(self._folder / f"{of}_{self._name}.db")
        return self._sheets[of]

    def leave(self) -> None:
        """In a child of its owner: the owner keeps it, and the child has nothing to do with it."""
        os.close(self._lock)
        for sheet in self._sheets.values():
            sheet.close()


class _State:
    """Of this process: where it shares, and as whom."""

    folder: Path | None = None
    run = -1
    """The lock by which all see that somebody lives."""
    seat: _Seat | None = None


def begin(name: str = "") -> None:
    """Make the folder ready in which this process and its children will share.

    It is the one that PROMETHEUS_MULTIPROC_DIR names, for several kinds of processes together;
    else one for this name, which is to be unique on this machine; without a name there is none.
    What a former run has left there goes, unless somebody who still lives shares in it. Where
    nothing can be written, a warning is logged, and every process counts for itself.
    """
    given = os.environ.get(VARIABLE)
    if _State.folder is not None or not (given or name):
        return
    try:
        folder = Path(given) if given else _own_folder(name)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _State.run = _take_part(folder)
    except OSError as error:
        logger.warning("metrics_not_shared", reason=str(error))
    else:
        _State.folder = folder


def share_as(kind: str) -> None:
    """Count where the other processes see it, under the lowest free seat of this kind.

    The kind is letters and digits. Where there is no folder to share in, nothing changes: the
    process counts in memory, for itself.
    """
    begin()
    if _State.folder is None or _State.seat is not None:
        return
    try:
        _State.seat = _Seat(_State.folder, kind)
        values.settle_in(_State.seat.sheet)
    except OSError as error:
        logger.warning("metrics_not_shared", reason=str(error))


def is_shared() -> bool:
    return _State.folder is not None


def merged() -> Iterable[Metric]:
    """The sums over all processes: of counts the dead too, of what is so now the living."""
    if _State.folder is None:
        return []
    files = [file for file in _State.folder.glob("*.db") if _counts(file)]
    try:
        return merging.merged(files)
    except values.UNREADABLE:
        return merging.merged([file for file in files if values.places(file) is not None])


def _counts(file: Path) -> bool:
    """A count stays true when its process has ended; what is so only while it lives does not."""
    name = file.stem.split("_")[-1]
    return not file.name.startswith("gauge_live") or _is_held(file.with_name(f"{name}.lock"))


def end() -> None:
    """Take the folder away that ``begin`` has made, if nobody shares in it any more."""
    folder = _State.folder
    if folder is None or os.environ.get(VARIABLE):
        return
    with suppress(OSError):
        run = _opened(folder / RUN)
        os.close(_State.run)
        if _locked(run, fcntl.LOCK_EX):
            shutil.rmtree(folder)


def _own_folder(name: str) -> Path:
    """In memory where that can be had: a page of a disk may have to wait for it."""
    parent = IN_MEMORY if os.access(IN_MEMORY, os.W_OK) else Path(tempfile.gettempdir())
    folder = parent / f"stockroom-metrics-{os.geteuid()}-{name}"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise OSError(f"{folder} is somebody else's")
    return folder


def _take_part(folder: Path) -> int:
    """Hold the folder while this process or a child of it lives; the first one empties it.

    Returns what holds it.
    """
    run = _opened(folder / RUN)
    if _locked(run, fcntl.LOCK_EX):
        for file in folder.iterdir():
            if file.suffix in {".db", ".lock", ".new"} and file.name != RUN:
                file.unlink(missing_ok=True)
    fcntl.flock(run, fcntl.LOCK_SH)
    return run


def _opened(file: Path) -> int:
    return os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _locked(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_held(file: Path) -> bool:
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not _locked(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _forked() -> None:
    values.begin_anew()
    if _State.seat is not None:
        _State.seat.leave()
        _State.seat = None


os.register_at_fork(after_in_child=_forked)
