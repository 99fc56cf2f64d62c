"""Settings of a gunicorn that is asked to stop while it starts its first worker."""

import os
import signal
from typing import Any

from config import gunicorn


def post_fork(server: Any, worker: Any) -> None:
    os.kill(server.pid, signal.SIGTERM)
    passed_on = server.SIG_QUEUE.get()  # the worker has no handlers of its own yet
    server.SIG_QUEUE.put(passed_on)
    gunicorn.post_fork(server, worker)
