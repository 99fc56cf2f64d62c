"""Spans of this very process, kept where a test can read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from common.observability import tracing
from common.observability.tracing_sdk import Spans

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{CALLER}-01"
UNSAMPLED = f"00-{TRACE}-{CALLER}-00"


class Kept:
    """What has ended since tracing began, or since ``forget``."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.spans = Spans("test", service="stockroom", version="1", exporter=self.exporter)

    def all(self) -> list[ReadableSpan]:
        self.spans._provider.force_flush()
        return list(self.exporter.get_finished_spans())

    def named(self, start: str) -> list[ReadableSpan]:
        return [span for span in self.all() if span.name.startswith(start)]

    def one(self, start: str) -> ReadableSpan:
        (span,) = self.named(start)
        return span


def in_trace(span: ReadableSpan) -> str:
    assert span.context
    return f"{span.context.trace_id:032x}"


def own_id(span: ReadableSpan) -> str:
    assert span.context
    return f"{span.context.span_id:016x}"


def parent_id(span: ReadableSpan) -> str | None:
    return f"{span.parent.span_id:016x}" if span.parent else None


def told(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def switch_on(patch: Any) -> Kept:
    kept = Kept()
    patch.setattr(tracing, "_spans", kept.spans)
    return kept
