"""A relay that really runs, beside a Stockroom that really runs."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.running import running_python

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Mapping
    from pathlib import Path

STOP_TIMEOUT = 30.0


@contextmanager
def running_relay(
    environment: Mapping[str, str], log: Path, *command: str
) -> Iterator[subprocess.Popen[bytes]]:
    """``manage.py relay``, or another command of python, with this environment."""
    with running_python(command or ("manage.py", "relay"), environment, log) as process:
        yield process
        process.terminate()
        if process.wait(STOP_TIMEOUT) not in {0, -signal.SIGKILL}:
            raise AssertionError(f"{process.returncode}: {log.read_text()}")
