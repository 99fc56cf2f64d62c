"""How the web processes run: ``gunicorn -c config/gunicorn.py config.wsgi``."""

import gc
import os
import signal
import sys
from typing import Any

from django.urls import get_resolver
from gunicorn.http.errors import InvalidHeader, LimitRequestHeaders

from common.observability import sharing
from config.environment import check_static_files, integer, text

MAX_HEADER_BYTES = 32_000
REQUESTS_TO_STOP = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
SHARED_MEMORY = "/dev/shm"  # noqa: S108 - gunicorn makes a file without a name there

_host = text("BIND")
bind = f"[{_host}]:{integer('PORT')}" if ":" in _host else f"{_host}:{integer('PORT')}"

worker_class = "config.web_worker.WebWorker"
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

errorlog = None  # the application logs for gunicorn too; "-" would add plain lines after a reload
accesslog = None  # the application writes one line per request itself
loglevel = text("LOG_LEVEL").lower()


def on_starting(_server: Any) -> None:
    check_static_files()
    sharing.begin(f"web-{_host}-{integer('PORT')}")


def pre_request(_worker: Any, request: Any) -> None:
    """Refuse headers that are too long together (431), and HTTP/1.1 without a Host (400).

    The limits above count each header alone. Without a Host, Django would make up one.
    """
    if sum(len(name) + len(value) for name, value in request.headers) > MAX_HEADER_BYTES:
        raise LimitRequestHeaders("limit request headers total size")
    if request.version >= (1, 1) and "HOST" not in dict(request.headers):
        raise InvalidHeader("Host")


def when_ready(_server: Any) -> None:
    """Load the rest before the processes part, so that they share it and it fails here if at all.

    Django leaves the views to the first request. What is loaded by now stays out of garbage
    collection, which would copy the memory it looks at.
    """
    get_resolver().url_patterns  # noqa: B018 - reading it imports the views
    gc.collect()
    gc.freeze()


def post_fork(server: Any, _worker: Any) -> None:
    """End when we were asked to stop before we could listen, instead of 30 seconds later.

    Until the worker sets its own handlers, signals go to a copy of the master's queue, which
    nobody reads: https://github.com/benoitc/gunicorn/issues/1910.
    """
    for number in REQUESTS_TO_STOP:
        signal.signal(number, signal.SIG_DFL)
    while not server.SIG_QUEUE.empty():
        if server.SIG_QUEUE.get() in REQUESTS_TO_STOP:
            sys.exit(0)


def post_worker_init(_worker: Any) -> None:
    """Let /ready tell at once when this process is asked to stop; count and trace what it does."""
    from common.observability import health, metrics, tracing  # noqa: PLC0415 - needs the application

    sharing.share_as("web")
    metrics.web_threads.set(threads)
    health.notice_sigterm()
    tracing.begin("web")


def worker_exit(_server: Any, _worker: Any) -> None:
    """The last spans are not sent yet."""
    from common.observability import tracing  # noqa: PLC0415 - likewise

    tracing.end()


def on_exit(_server: Any) -> None:
    """The last of all."""
    sharing.end()
