"""A collector of traces on this machine: it speaks OTLP over HTTP, and keeps what it is sent."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Collected:
    """One span, as it came over the wire."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    """Empty for the first span of a trace."""
    kind: str
    is_error: bool
    attributes: dict[str, Any]
    process: dict[str, Any]
    """The attributes of its resource."""
    lasted: float
    """Seconds."""


@dataclass(slots=True)
class Collector:
    """Where it listens, and what it got."""

    endpoint: str = ""
    spans: list[Collected] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def of_trace(self, trace_id: str) -> list[Collected]:
        return [span for span in self.spans if span.trace_id == trace_id]

    def wait_for(self, trace_id: str, name: str, number: int = 1) -> list[Collected]:
        """The spans of a trace whose names begin so, once there are as many."""

        def found() -> list[Collected]:
            of_trace = self.of_trace(trace_id)
            named = [span for span in of_trace if span.name.startswith(name)]
            return named if len(named) >= number else []

        return wait_until(found, PATIENCE)


@contextmanager
def collecting() -> Iterator[Collector]:
    collector = Collector()

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            is_for_us = self.path == "/v1/traces"
            if is_for_us:
                collector.bodies.append(body)
                collector.spans += read(body)
            self.send_response(200 if is_for_us else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Silence."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        server.daemon_threads = True
        collector.endpoint = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()


def read(body: bytes) -> list[Collected]:
    """The spans of a request to a collector (OTLP, protobuf)."""
    request = ExportTraceServiceRequest.FromString(body)
    return [
        _collected(span, _values(of_process.resource.attributes))
        for of_process in request.resource_spans
        for of_scope in of_process.scope_spans
        for span in of_scope.spans
    ]


def _collected(span: Span, process: dict[str, Any]) -> Collected:
    return Collected(
        name=span.name,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        kind=Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        is_error=span.status.code == Status.STATUS_CODE_ERROR,
        attributes=_values(span.attributes),
        process=process,
        lasted=(span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
    )


def _values(attributes: Any) -> dict[str, Any]:
    """Texts and figures; of lists, that they are there."""
    return {
        one.key: getattr(one.value, one.value.WhichOneof("value") or "string_value")
        for one in attributes
    }
