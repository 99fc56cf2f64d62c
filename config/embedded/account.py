"""The user that runs a server. PostgreSQL refuses to run as root."""

import os
import pwd
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.lifeline import lifeline

# Servers get their settings from us alone, not from a developer's PG* or LC_* variables.
CLEAN_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this machine, and whether that is somebody else than us."""

    uid: int
    gid: int

    @classmethod
    def mine(cls) -> "Account":
        return cls(os.geteuid(), os.getegid())

    @classmethod
    def unprivileged(cls) -> "Account":
        """Ourselves, unless we are root."""
        if os.geteuid() != 0:
            return cls.mine()
        nobody = pwd.getpwnam("nobody")
        return cls(nobody.pw_uid, nobody.pw_gid)

    @property
    def is_other(self) -> bool:
        return self.uid != os.geteuid()

    def popen_options(self, at_our_death: signal.Signals) -> dict[str, Any]:
        """For a process of this user, in a folder that every user can enter.

        Runs code between fork and exec: only for a program with a single thread.
        """
        options: dict[str, Any] = {
            "cwd": "/",
            "env": CLEAN_ENVIRONMENT,
            "preexec_fn": lifeline(at_our_death),
        }
        if self.is_other:
            options |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return options

    def run(self, command: Sequence[str | Path], text: str = "") -> str:
        """Run a program to its end, which must be a good one, and return what it complained of."""
        options = self.popen_options(signal.SIGKILL)
        done: subprocess.CompletedProcess[str] = subprocess.run(
            command, check=False, input=text, text=True, capture_output=True, **options
        )
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip() or f"{command[0]} failed")
        return done.stderr

    def can(self, *command: str | Path) -> bool:
        """Whether this command succeeds for this user: asked by really doing it."""
        options = self.popen_options(signal.SIGKILL)
        try:
            done = subprocess.run(command, check=False, capture_output=True, **options)
        except PermissionError:
            return False
        return done.returncode == 0
