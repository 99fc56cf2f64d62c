"""Wait for something that happens in another thread or process, never longer than needed."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LOOK_EVERY = 0.02  # seconds


def wait_until(condition: Callable[[], T], timeout: float = 10.0) -> T:
    """The first true answer of the condition; fails the test when none comes in time."""
    give_up_at = time.monotonic() + timeout
    while not (answer := condition()):
        if time.monotonic() > give_up_at:
            raise AssertionError(f"{condition} stayed false for {timeout} s")
        threading.Event().wait(LOOK_EVERY)
    return answer
