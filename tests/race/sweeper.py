"""What beat and worker do for holds, beside the server of a race: ``python -m tests.race.sweeper``.

It ends those that are past their time, until it is told to stop, and then once more. Sweeps come
so far apart that holds are overdue for a while, and decisions meet them.
"""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from typing import Final

PAUSE: Final = 5.0


def main() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.db import DatabaseError, connection

    from inventory.tasks import expire_reservations

    is_over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: is_over.set())
    while True:
        is_over.wait(PAUSE)
        with suppress(DatabaseError):  # its session was ended, or a lock did not come in time
            expire_reservations()
        connection.close()
        if is_over.is_set():
            return


if __name__ == "__main__":
    main()
