"""``manage.py consume`` that kills itself: how a power cut at the worst moment looks.

    python -m tests.inventory.consume_and_die before_commit | after_commit | never

The first two: at the first message that is applied, before its transaction is committed, or after
that and before the message is acknowledged.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any, NoReturn

import pytest
from django.core.management import execute_from_command_line


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


def plant(moment: str) -> None:
    """Let it die at this moment; the queues are those that the tests have declared."""
    from common.database import in_transaction
    from common.inbox import consuming, handling, queues
    from tests.common.inbox.broker import FEW_DELIVERIES, SOON_MS

    patch = pytest.MonkeyPatch()
    patch.setattr(queues, "PAUSE_MS", SOON_MS)
    patch.setattr(queues, "MOST_DELIVERIES", FEW_DELIVERIES)
    apply_once = handling.apply_once.__wrapped__  # type: ignore[attr-defined]  # by functools

    def die_before_commit(message: Any) -> None:
        apply_once(message)
        die()

    def die_after_commit(body: bytes) -> None:
        handling.handle(body)
        die()

    if moment == "before_commit":
        patch.setattr(handling, "apply_once", in_transaction(die_before_commit))
    if moment == "after_commit":
        patch.setattr(consuming, "handle", die_after_commit)


if __name__ == "__main__":
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    plant(sys.argv[1])
    execute_from_command_line(["manage.py", "consume"])
