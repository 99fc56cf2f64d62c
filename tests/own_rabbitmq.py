"""A RabbitMQ of one's own, which may be stopped, killed and starved of memory.

Made with the programs of the installed one, as a second node with its own data and its own port.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tests.needs import missing
from tests.running import free_port
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAMS = "/usr/lib/rabbitmq/bin"  # Debian's; those on PATH insist on the user rabbitmq
PLENTY = "0.4"
START_TIMEOUT = 90.0


class OwnRabbitMQ:
    """One node; ``url`` leads to it while it runs."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}//"
        self._log = folder / "server.log"
        (folder / "plugins").write_text("[].")
        self._environment = os.environ | {
            "HOME": str(folder),  # the secret by which its commands reach it is made there
            "RABBITMQ_NODENAME": f"stockroom-{secrets.token_hex(4)}@localhost",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(folder / "none"),
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                [_program("rabbitmq-server")],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        wait_until(self._answers, START_TIMEOUT)

    def kill(self) -> None:
        """From one moment to the next, as by a power cut."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def starve(self) -> None:
        """Raise the memory alarm: from now on it takes nothing in and says nothing."""
        self._control("set_vm_memory_high_watermark", "absolute", "1")

    def feed(self) -> None:
        self._control("set_vm_memory_high_watermark", PLENTY)

    def _control(self, *arguments: str) -> None:
        subprocess.run(
            [_program("rabbitmqctl"), "--quiet", *arguments],
            env=self._environment,
            check=True,
            capture_output=True,
            timeout=90,
        )

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
                connection.sendall(b"AMQP\x00\x00\x09\x01")  # it listens before it serves
                return bool(connection.recv(1))
        except OSError:
            return False


@contextmanager
def own_rabbitmq(folder: Path) -> Iterator[OwnRabbitMQ]:
    broker = OwnRabbitMQ(folder)
    try:
        broker.start()
        yield broker
    finally:
        broker.kill()


def _program(name: str) -> str:
    return shutil.which(name, path=PROGRAMS) or missing(
        "no RabbitMQ is installed here", required=os.environ.get("REQUIRE_BROKER") == "1"
    )
