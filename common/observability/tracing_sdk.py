"""The part of tracing that needs OpenTelemetry (requirements-traces.txt); see ``tracing``.

The libraries' own instrumentations are not used (docs/adr/0023): they put query strings and
PostgreSQL's sentences, which quote data, into spans.
"""

from __future__ import annotations

import os
import socket
import threading
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextvars import Token
    from types import TracebackType

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace.export import SpanExporter

    from common.observability.tracing import Kind

KINDS: Final = {kind.name.lower(): kind for kind in SpanKind}
LAST_SECONDS: Final = 2.0
"""For what is left to export when a process ends; a collector that hangs gets no more."""
HEADERS: Final = ("traceparent", "tracestate")
"""Of W3C's Trace Context. Baggage is not passed on: nobody here needs what others put there."""
LONGEST: Final = 512
"""Characters of such a header; a longer ``tracestate`` may be left out."""

_w3c: Final = TraceContextTextMapPropagator()
_ROOT: Final[Context] = contexts.Context()


class Spans:
    """This process's spans, on their way to the collector by a thread in the background.

    The sampler, the batches and the exporter read the standard variables (OTEL_TRACES_SAMPLER,
    OTEL_BSP_…, OTEL_EXPORTER_OTLP_…). What the collector does not take in time is dropped, and
    nobody waits for it.
    """

    def __init__(
        self, process: str, *, service: str, version: str, exporter: SpanExporter | None = None
    ) -> None:
        about: dict[str, str | int] = {
            "service.name": service,
            "service.version": version,
            "service.instance.id": f"{socket.gethostname()}:{os.getpid()}",
            "process.pid": os.getpid(),
            "stockroom.process": process,
        }
        self._provider = TracerProvider(resource=Resource.create(about), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter or OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("stockroom", version)

    def end(self) -> None:
        """Export what is left. In a thread: the exporter itself may take ten seconds."""
        last = threading.Thread(target=self._provider.shutdown, name="last-spans", daemon=True)
        last.start()
        last.join(LAST_SECONDS)

    def is_recording(self) -> bool:
        return trace.get_current_span().is_recording()

    def within(self, name: str, kind: Kind, attributes: Mapping[str, Any]) -> OpenSpan:
        return self._open(None, name, kind, attributes)

    def after(
        self, headers: Mapping[str, Any], name: str, kind: Kind, attributes: Mapping[str, Any]
    ) -> OpenSpan:
        """Headers that are not as W3C has them count as none, and begin a trace."""
        return self._open(_context_of(headers), name, kind, attributes)

    def _open(
        self, parent: Context | None, name: str, kind: Kind, attributes: Mapping[str, Any]
    ) -> OpenSpan:
        return OpenSpan(self._tracer.start_span(name, parent, KINDS[kind], _known(attributes)))

    def current(self) -> OpenSpan:
        return OpenSpan(trace.get_current_span())

    def here(self) -> dict[str, str] | None:
        return _headers(contexts.get_current()) or None

    def ids(self) -> dict[str, str]:
        known = trace.get_current_span().get_span_context()
        if not known.is_valid:
            return {}
        return {
            "trace_id": trace.format_trace_id(known.trace_id),
            "span_id": trace.format_span_id(known.span_id),
        }


class OpenSpan:
    """A span that is the current one inside its block, and ends with it."""

    __slots__ = ("_span", "_token")

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def __enter__(self) -> OpenSpan:
        self._token: Token[Context] = contexts.attach(trace.set_span_in_context(self._span))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Of an error its class alone: what it says may quote what nobody should read."""
        contexts.detach(self._token)
        if kind is not None:
            self.fail(kind.__name__)
        self._span.end()

    def headers(self) -> dict[str, str]:
        return _headers(trace.set_span_in_context(self._span, _ROOT))

    def note(self, attributes: Mapping[str, Any]) -> None:
        if self._span.is_recording():
            self._span.set_attributes(_known(attributes))

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def fail(self, why: str) -> None:
        self._span.set_attribute("error.type", why)
        self._span.set_status(StatusCode.ERROR)


def _known(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if value is not None}


def _context_of(headers: Mapping[str, Any]) -> Context:
    """A publisher may have put anything under these names, in any length."""
    if not headers.get("traceparent"):
        return _ROOT
    told = {name: headers.get(name) for name in HEADERS}
    kept = {
        name: text for name, text in told.items() if isinstance(text, str) and len(text) <= LONGEST
    }
    return _w3c.extract(kept, _ROOT)


def _headers(context: Context) -> dict[str, str]:
    headers: dict[str, str] = {}
    _w3c.inject(headers, context)
    return headers
