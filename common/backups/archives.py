"""Files that pg_dump wrote: made whole, and known to be whole before they are used."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from common.backups.errors import BackupRefused
from common.backups.programs import Program, fitting
from common.backups.server import Server, run

if TYPE_CHECKING:
    from collections.abc import Callable

LOCKS_WAITED_FOR: Final = "60s"
"""By pg_dump, for a table that a migration has locked: then it gives up."""
TABLE_OF_OURS: Final = "TABLE DATA public django_migrations"
MADE_BY_NEWER: Final = "unsupported version"


@dataclass(frozen=True, slots=True)
class Archive:
    """A file that has been read to its end, the program that reads it, and what is in it.

    ``contents`` are the lines of ``pg_restore --list``: one for each thing to restore.
    """

    file: Path
    reader: Program
    contents: str = ""


def write(
    server: Server, file: Path, *, overwrite: bool, watch: Callable[[int], None]
) -> tuple[int, float]:
    """Dump the database into a file; its size in bytes, and the seconds that took.

    One snapshot, while others go on writing. The file gets its name when it is whole and has been
    read back to its end; before that it is called ``….partial`` and is removed if anything goes
    wrong. Only its owner may read it: hashes of keys and secrets of webhooks are in it.
    ``watch`` is told its size so far.
    """
    began = time.monotonic()
    _refuse_target(file, overwrite=overwrite)
    (dumper, *_), (reader, *_) = (fitting(name, server.major) for name in ("pg_dump", "pg_restore"))
    number, name = tempfile.mkstemp(dir=file.parent, prefix=f"{file.name}.", suffix=".partial")
    os.close(number)
    partial = Path(name)
    try:
        arguments = [
            "--format=custom",
            "--no-password",
            f"--lock-wait-timeout={LOCKS_WAITED_FOR}",
            f"--file={partial}",
            f"--dbname={server.where}",
        ]
        run(
            dumper.path,
            arguments,
            environment=server.environment,
            watch=lambda: watch(partial.stat().st_size),
        )
        size = partial.stat().st_size
        _read_to_the_end(Archive(partial, reader))
        _give_name(partial, file, overwrite=overwrite)
    finally:
        partial.unlink(missing_ok=True)
    return size, time.monotonic() - began


def opened(file: Path, server: Server) -> Archive:
    """A file to restore from. Refuses what is no whole backup of Stockroom."""
    if not file.is_file():
        raise BackupRefused(f"There is no file {file}.")
    archive = _listed(file, fitting("pg_restore", server.major))
    if TABLE_OF_OURS not in archive.contents:
        raise BackupRefused(f"{file} is a dump of something else: it has no tables of ours.")
    _read_to_the_end(archive)
    return archive


def _refuse_target(file: Path, *, overwrite: bool) -> None:
    if file.exists() and not overwrite:
        raise BackupRefused(f"{file} exists already: name another, or add --force.")
    if not (file.parent.is_dir() and os.access(file.parent, os.W_OK)):
        raise BackupRefused(f"{file.parent} is not a folder that can be written to.")


def _listed(file: Path, readers: list[Program]) -> Archive:
    """The archive as the first program sees it that is not too old for it."""
    for reader in readers:
        try:
            contents = run(reader.path, ["--list", str(file)], environment=os.environ)
        except BackupRefused as refusal:
            if MADE_BY_NEWER not in str(refusal) or reader is readers[-1]:
                raise BackupRefused(f"{file} is no backup that can be read: {refusal}") from None
        else:
            return Archive(file, reader, contents)
    raise AssertionError("unreachable")


def _read_to_the_end(archive: Archive) -> None:
    """Unpack all of it to nowhere: the list of contents stands at the beginning of a file."""
    try:
        arguments = [f"--file={os.devnull}", str(archive.file)]
        run(archive.reader.path, arguments, environment=os.environ)
    except BackupRefused as refusal:
        raise BackupRefused(f"{archive.file} is damaged: {refusal}") from None


def _give_name(partial: Path, file: Path, *, overwrite: bool) -> None:
    """Atomically, and not over a file that came into being meanwhile."""
    if overwrite:
        partial.replace(file)
    else:
        try:
            os.link(partial, file)
        except FileExistsError:
            raise BackupRefused(f"{file} has come into being meanwhile: nothing done.") from None
        except OSError:  # a file system without links
            _refuse_target(file, overwrite=False)
            partial.rename(file)
    with suppress(OSError):  # where folders cannot be synced
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
