"""What PostgreSQL and Redis have in common when the project runs them itself."""

import importlib.util
import os
import shutil
import signal
import stat
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from config.embedded.account import Account
from config.embedded.addresses import socket_folder

USE_YOUR_OWN = "set DATABASE_URL and REDIS_URL to servers of your own, or run `docker compose up`"


class NotAvailable(SystemExit):
    """An embedded server cannot run here: uncaught, it ends the program with its sentence."""


class Server(ABC):
    """One server of one data directory: its files, and how it is started and asked."""

    name: ClassVar[str]
    stop_signals: ClassVar[tuple[signal.Signals, ...]]  # from polite to final

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        self.data_dir = data_dir
        self.durable = durable
        self.folder = data_dir / "embedded"
        self.log = self.folder / f"{self.name}.log"
        self.shares = self.folder / f"{self.name}.shares"  # held shared by who needs the server
        self.lock = self.folder / f"{self.name}.lock"  # held by who runs it, and by itself
        self.socket_folder = socket_folder(data_dir, self.name)

    @property
    def account(self) -> Account:
        """Who runs the server's program."""
        return Account.mine()

    @property
    @abstractmethod
    def pid_file(self) -> Path:
        """Written by the server; the process number is its first line."""

    @property
    @abstractmethod
    def socket(self) -> Path:
        """Where it accepts connections."""

    @abstractmethod
    def prepare(self) -> list[str]:
        """Lay out what the server needs and return its command line.

        The caller holds the lock: no process of this server is alive.
        """

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether it would answer a client now."""

    @abstractmethod
    def places(self) -> list[Path]:
        """Everything on disk that belongs to this server and to nothing else."""

    def clear_remains(self) -> None:
        """Delete what a killed server left and a new one would stumble over.

        The caller holds the lock: no process of this server is alive.
        """
        self.pid_file.unlink(missing_ok=True)
        shutil.rmtree(self.socket_folder, ignore_errors=True)  # what is not ours shows later

    def make_socket_folder(self) -> None:
        """A folder that only the server's account can enter.

        Its parent is open to everybody, so a folder that somebody else put there is refused.
        """
        self.socket_folder.mkdir(mode=0o700, exist_ok=True)
        found = self.socket_folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (os.geteuid(), self.account.uid):
            raise NotAvailable(f"{self.socket_folder} belongs to somebody else.")
        os.chown(self.socket_folder, self.account.uid, self.account.gid)


def wheel_file(package: str, path: str) -> Path:
    """A file inside an installed wheel, found without importing the package."""
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (file := Path(folder) / path).is_file():
            return file
    raise NotAvailable(
        f"The package {package} has no {Path(path).name} for this Python and system: "
        f"{USE_YOUR_OWN}."
    )
