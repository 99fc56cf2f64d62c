"""A small application behind our worker, whose patience is short enough for tests."""

from __future__ import annotations

import time
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

from config.web_worker import WebWorker

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

HUGE = 2**24
SLOW = 0.3  # seconds


class HastyWorker(WebWorker):
    head = body = answer = leave = 1.5
    patience = 0.05
    rest = 0.2


class WaitingWorker(HastyWorker):
    first_byte = 0.6


def _huge_file() -> IO[bytes]:
    file = TemporaryFile()  # noqa: SIM115 - gunicorn closes it
    file.truncate(HUGE)
    return file


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """``/read`` reads the body, ``/slow`` takes its time, ``/huge`` and ``/file`` have much to say.

    Anything else is refused unread.
    """
    status, answer = "401 Unauthorized", b""
    if environ["PATH_INFO"] == "/slow":
        status, answer = "200 OK", b"at last"
        time.sleep(SLOW)
    if environ["PATH_INFO"] == "/file":
        start_response("200 OK", [("Content-Length", str(HUGE))])
        return environ["wsgi.file_wrapper"](_huge_file())
    if environ["PATH_INFO"] == "/huge":
        status, answer = "200 OK", b"x" * HUGE
    if environ["PATH_INFO"] == "/read":
        try:
            status, answer = "200 OK", environ["wsgi.input"].read()
        except TimeoutError:
            status = "408 Request Timeout"
    start_response(status, [("Content-Length", str(len(answer)))])
    return [answer]
