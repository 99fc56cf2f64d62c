"""The application of a worker for tests: its tasks are held up where a test wants to look or kill.

HELD_UP names a folder. Ending holds goes one by one; after the first the process writes its id
there and stands still, once. A mail waits until there is a file ``go-on``. Verifying fails twice
as it does when the database is away. With ACKNOWLEDGES_EARLY a message is gone as soon as its
task begins.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

import django
from django.db import OperationalError

from config.celery import app as app  # noqa: PLC0414 - what Celery looks for

django.setup()

from common.notifications import mailing  # noqa: E402
from inventory import tasks  # noqa: E402 - models come after the set-up
from inventory.operations import expire_reservations as expire  # noqa: E402
from inventory.verification import verify  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inventory.verification import Step

FOLDER: Final = Path(os.environ["HELD_UP"])
TROUBLES: Final = 2


def held_up_expire(*, limit: int) -> int:
    count = expire(limit=1)
    if not (FOLDER / "pid").exists():
        (FOLDER / "new").write_text(str(os.getpid()))
        (FOLDER / "new").rename(FOLDER / "pid")  # whole, for whoever looks
        threading.Event().wait()
    return count


def held_up_transmit(*_: object, **_more: object) -> None:
    (FOLDER / "mailing").touch()
    while not (FOLDER / "go-on").exists():
        threading.Event().wait(0.05)


def troubled_verify() -> Iterator[Step]:
    trouble = len(list(FOLDER.glob("trouble-*")))
    if trouble < TROUBLES:
        (FOLDER / f"trouble-{trouble}").touch()
        raise OperationalError
    return verify()


setattr(mailing, "transmit", held_up_transmit)  # noqa: B010
setattr(tasks, "expire", held_up_expire)  # noqa: B010 - what the module does not offer
app.conf.task_acks_late = "ACKNOWLEDGES_EARLY" not in os.environ
setattr(tasks, "verify", troubled_verify)  # noqa: B010
