"""How the web processes run: ``gunicorn -c config/gunicorn.py config.wsgi``."""

import gc
import os
from typing import Any

from gunicorn.http.errors import LimitRequestHeaders

from config.environment import integer, text

MAX_HEADER_BYTES = 32_000
SHARED_MEMORY = "/dev/shm"  # noqa: S108 - gunicorn makes a file without a name there

_host = text("BIND")
bind = f"[{_host}]:{integer('PORT')}" if ":" in _host else f"{_host}:{integer('PORT')}"

worker_class = "gthread"
workers = integer("WEB_CONCURRENCY")
threads = integer("WEB_THREADS")
preload_app = True  # one import for all processes, and a broken one is told at once
keepalive = 75  # longer than the proxy in front keeps its own end, so that it never loses the race
graceful_timeout = 30

# The heartbeat file must not wait for a disk.
worker_tmp_dir = SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK) else None
control_socket_disable = True  # it wants a writable home, and nobody talks to it

limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 8190

# Whether a proxy may speak for the client is Django's to decide (NUM_PROXIES).
forwarded_allow_ips = ""

errorlog = "-"
accesslog = None  # the application writes one line per request itself
loglevel = text("LOG_LEVEL").lower()


def pre_request(_worker: Any, request: Any) -> None:
    """Refuse (431) headers that are too long together; the limits above count each alone."""
    if sum(len(name) + len(value) for name, value in request.headers) > MAX_HEADER_BYTES:
        raise LimitRequestHeaders("limit request headers total size")


def when_ready(_server: Any) -> None:
    """Leave what is loaded by now out of garbage collection, so that forks go on sharing it."""
    gc.collect()
    gc.freeze()
