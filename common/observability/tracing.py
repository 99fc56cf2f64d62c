"""Traces: which work belongs to which request, across processes, for a collector of OpenTelemetry.

Off unless OTEL_EXPORTER_OTLP_ENDPOINT names a collector. Then each process that works for somebody
calls ``begin`` once it is the process that it will be: what exports does not survive a fork. What
needs OpenTelemetry is in ``tracing_sdk``, which nothing imports before that.

A span tells what was done, how long it took and whether it failed, in names and figures of ours:
no query string, no parameter of a statement, no sentence of an error.

Nothing here imports Django: the log's lines are made with it.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from common.observability.tracing_sdk import Spans

    Attributes = Mapping[str, Any]

Kind = Literal["internal", "server", "client", "producer", "consumer"]


class Span(Protocol):
    """A piece of work, while it is done."""

    def headers(self) -> dict[str, str]:
        """``traceparent`` and ``tracestate`` for whoever is asked to go on; empty when off."""

    def note(self, attributes: Attributes) -> None:
        """Add what is known only now. What is None is left out."""

    def rename(self, name: str) -> None:
        """What it is can be said only now."""

    def fail(self, why: str) -> None:
        """It failed, for a reason that has a name."""


class _Unnoticed:
    """Stands for a span where nothing is traced."""

    def headers(self) -> dict[str, str]:
        return {}

    def note(self, attributes: Attributes) -> None:
        """Nobody reads it."""

    def rename(self, name: str) -> None:
        """Likewise."""

    def fail(self, why: str) -> None:
        """Likewise."""


_NOBODYS: Final = _Unnoticed()
_UNNOTICED: Final[AbstractContextManager[Span]] = nullcontext(_NOBODYS)
_spans: Spans | None = None


def begin(process: str) -> None:
    """Trace what this process does from now on, if that is wanted; ``process`` names its part."""
    global _spans  # noqa: PLW0603  one for each process
    from django.conf import settings  # noqa: PLC0415 - see above

    if settings.TRACES:
        from common.observability.tracing_sdk import Spans  # noqa: PLC0415 - see above

        end()
        _spans = Spans(process, service=settings.SERVICE_NAME, version=settings.VERSION)


def end() -> None:
    """Export what is left, for two seconds at most, and trace nothing more."""
    global _spans
    spans, _spans = _spans, None
    if spans:
        spans.end()


def is_on() -> bool:
    return _spans is not None


def is_recording() -> bool:
    """Whether what this thread does now is part of a trace that is kept."""
    return _spans is not None and _spans.is_recording()


def within(name: str, kind: Kind, attributes: Attributes) -> AbstractContextManager[Span]:
    """A step of the work at hand. Where that is not traced, or not kept, neither is the step."""
    if _spans is None or not _spans.is_recording():
        return _UNNOTICED
    return _spans.within(name, kind, attributes)


def entered(
    headers: Mapping[str, Any], name: str, kind: Kind, attributes: Attributes
) -> AbstractContextManager[Span]:
    """Work that somebody asked for: it goes on with the sender's trace, or begins one."""
    if _spans is None:
        return _UNNOTICED
    return _spans.after(headers, name, kind, attributes)


def following(
    context: Mapping[str, Any] | None, name: str, kind: Kind, attributes: Attributes
) -> AbstractContextManager[Span]:
    """Work for something of which ``here`` was kept; nothing where it was made outside a trace."""
    if _spans is None or not context:
        return _UNNOTICED
    return _spans.after(context, name, kind, attributes)


def here() -> dict[str, str] | None:
    """The place of the work at hand in its trace, as headers, to go on from there later.

    Given too where the trace is not kept: then nobody downstream keeps their part, either.
    """
    return _spans.here() if _spans else None


def current() -> Span:
    """The span of the work at hand."""
    return _spans.current() if _spans else _NOBODYS


def ids() -> dict[str, str]:
    """``trace_id`` and ``span_id`` of the work at hand, for its lines in the log."""
    return _spans.ids() if _spans else {}
