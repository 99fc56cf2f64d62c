"""Secrets that the project makes for itself and keeps, one file each, for the owner's eyes only."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path


def kept_secret(file: Path, make: Callable[[], str]) -> str:
    """The secret in this file, made on first use.

    Of two processes that make one at the same moment, both return the one that came first.
    """
    try:
        return file.read_text().strip()
    except FileNotFoundError:
        _write_once(file, make())
        return file.read_text().strip()


def _write_once(file: Path, secret: str) -> None:
    """Complete or not at all: a hard link appears with its content, and never replaces a file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as handle:
            handle.write(secret + "\n")
        file.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
