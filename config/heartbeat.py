"""The sign by which one can see from outside that beat goes on planning: a file that it touches.

It sends something every ten seconds. While its broker is away it waits for that, for as long as
it takes, and needs nobody's help.
"""

from contextlib import suppress
from time import time
from typing import Any, Final

from celery.signals import beat_init, before_task_publish

from config.environment import DATA_DIR

FILE: Final = DATA_DIR / "beat.heartbeat"
LATE_AFTER: Final = 60.0  # seconds


@beat_init.connect  # type: ignore[untyped-decorator]  # Celery ships no types
def begin(**_more: Any) -> None:
    """In the process of beat alone."""
    touch()
    before_task_publish.connect(touch)


def touch(**_more: Any) -> None:
    """What cannot be written must not keep a task from being sent."""
    with suppress(OSError):
        FILE.touch()


def is_late() -> bool:
    try:
        return FILE.stat().st_mtime < time() - LATE_AFTER
    except OSError:
        return True
