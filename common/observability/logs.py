"""Logs: every line is one JSON object, whoever writes it.

Our own lines come through structlog (``get_logger``, ``event``, ``timed``) and skip the standard
library's records, which would double their cost. Lines of Django, gunicorn, Celery and all
others come as such records and end in the same form.

Ids, names and figures are fields of a line, never parts of its text. Nothing here imports Django:
the settings are made from it.
"""

from __future__ import annotations

import json
import logging
import os
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, Literal

import structlog
from structlog.stdlib import ProcessorFormatter

from common.observability import tracing
from common.observability.context import current, current_task

if TYPE_CHECKING:
    from collections.abc import Iterator

    from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

STREAMS: Final = {"stdout": 1, "stderr": 2}

# ASCII only: no character that a client sends can break a line or fail to be written.
_encode: Final = json.JSONEncoder(default=str, skipkeys=True, separators=(",", ":")).encode


def get_logger(name: str) -> FilteringBoundLogger:
    """A logger whose lines carry the module's name: ``logger.warning("probe_failed", peer=…)``."""
    return structlog.get_logger(name)  # type: ignore[no-any-return]  # a lazy proxy of it


_business: Final = get_logger("business")
_timing: Final = get_logger("timing")
_is_history: Final = ContextVar("is_history", default=False)


def event(name: str, **fields: object) -> None:
    """Log a business event, such as ``stock_adjusted``, with its figures and who caused it."""
    if not _is_history.get():
        _business.info(name, actor=current().actor, **fields)


@contextmanager
def history() -> Iterator[None]:
    """Log no business events in this block: a past that is loaded would drown today's news."""
    token = _is_history.set(True)
    try:
        yield
    finally:
        _is_history.reset(token)


@contextmanager
def timed(name: str, **fields: object) -> Iterator[None]:
    """Log how long a block or a function took, and the class of the error that ended it."""
    began = perf_counter()
    try:
        yield
    except BaseException as error:
        fields["error"] = type(error).__name__
        raise
    finally:
        _timing.info("timed", name=name, duration_ms=milliseconds_since(began), **fields)


def milliseconds_since(began: float) -> float:
    """Since a moment of ``perf_counter()``, to the microsecond."""
    return round((perf_counter() - began) * 1000, 3)


def logging_config(
    level: str, service: str, stream: Literal["stdout", "stderr"] = "stdout"
) -> dict[str, Any]:
    """Django's LOGGING: everything from this level on, to this stream.

    Sets up structlog and Python's warnings as well. Commands whose data goes to standard output
    log to ``stderr``.
    """
    output = STREAMS[stream]
    logging.captureWarnings(capture=True)
    common: list[Processor] = [
        structlog.stdlib.add_logger_name,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.ExceptionRenderer(),
        _Arrangement(service),
    ]
    structlog.configure(
        processors=[*common, _as_line],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda name="": _Lines(output, name),
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"unhandled": {"()": _Unhandled}, "no_crash": {"()": _NoCrash}},
        "formatters": {
            "json": {
                "()": ProcessorFormatter,
                "foreign_pre_chain": common,
                "processors": [ProcessorFormatter.remove_processors_meta, _as_line],
            }
        },
        "handlers": {"lines": {"()": _LineHandler, "output": output, "formatter": "json"}},
        "root": {"handlers": ["lines"], "level": level},
        "loggers": _loggers(),
    }


def _loggers() -> dict[str, dict[str, Any]]:
    """Others' loggers: no handlers of their own, and silent where the request line has it all."""
    plain = {"handlers": [], "propagate": True}
    return {
        "django": plain,
        "django.db.backends": plain | {"level": "INFO"},  # its DEBUG shows statements with data
        "django.request": plain | {"level": "ERROR", "filters": ["unhandled"]},
        "django.security.DisallowedHost": plain | {"filters": ["no_crash"]},
        "django.security.TooManyFieldsSent": plain | {"filters": ["no_crash"]},
        "django.server": plain | {"level": "CRITICAL"},
        "gunicorn.access": plain,
        "gunicorn.error": plain,
    }


class _Arrangement:
    """What every line says about itself, in the order in which it is read, before the fields."""

    def __init__(self, service: str) -> None:
        self._service = service

    def __call__(self, _logger: WrappedLogger, _method: str, fields: EventDict) -> EventDict:
        line: EventDict = {
            "timestamp": fields.pop("timestamp"),
            "level": fields.pop("level"),
            "service": self._service,
            "logger": fields.pop("logger"),
            "event": fields.pop("event"),
        }
        if request_id := current().request_id:
            line["request_id"] = request_id
        if task_id := current_task() or _task_of(fields):
            line["task_id"] = task_id
        if tracing.is_on():
            line.update(tracing.ids())
        line.update(fields)
        return line


def _task_of(fields: EventDict) -> str | None:
    """The id of the task that one of Celery's own lines is about, outside the task's process."""
    about = getattr(fields.get("_record"), "data", None)
    return about.get("id") if isinstance(about, dict) else None


def _as_line(_logger: WrappedLogger, _method: str, fields: EventDict) -> str:
    return _encode(fields)


class _Lines:
    """Writes lines to a file descriptor, each in one call: whole, also between processes.

    No buffer and no lock, so a fork at any moment is harmless. A line that cannot be written
    (disk full, reader gone) is lost; the request that it tells about is not.
    """

    def __init__(self, output: int, name: str) -> None:
        self.name = name  # of the logger: structlog asks for it here
        self._output = output

    def msg(self, line: str) -> None:
        rest = line.encode() + b"\n"
        with suppress(OSError):
            while rest:
                rest = rest[os.write(self._output, rest) :]

    debug = info = warning = error = critical = exception = msg


class _LineHandler(logging.Handler):
    """The standard library's way to the same lines."""

    def __init__(self, output: int) -> None:
        super().__init__()
        self._lines = _Lines(output, "")

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._lines.msg(self.format(record))
        except Exception:
            self.handleError(record)


class _Unhandled(logging.Filter):
    """Lets exceptions pass, not the words about a status that Django adds to every 5xx."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.exc_info is not None


class _NoCrash(logging.Filter):
    """Makes a warning in one sentence of what a client did wrong and Django reports as a crash."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = None
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True
