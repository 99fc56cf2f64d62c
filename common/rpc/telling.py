"""What is told of a call: its line in the log, its figures for Prometheus, its span, its id."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from grpc import StatusCode

from common.ids import new_id
from common.observability import metrics, tracing
from common.observability.context import begin_request, current, end_request
from common.observability.logs import get_logger, milliseconds_since
from common.observability.middleware import ACCEPTABLE_ID

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

logger: Final = get_logger(__name__)

REQUEST_ID: Final = "x-request-id"
OURS_TO_MEND: Final = frozenset({StatusCode.INTERNAL, StatusCode.UNKNOWN, StatusCode.UNAVAILABLE})


@dataclass(slots=True)
class Line:
    """What is known of a call by its end; ``reason`` is the stable code of a failure."""

    code: StatusCode = StatusCode.OK
    reason: str = ""
    client: str = ""
    sent: int = 0
    told: dict[str, Any] = field(default_factory=dict)
    """``cache`` and the like, which only the method knows."""


@contextmanager
def told(method: str, metadata: Mapping[str, str]) -> Iterator[Line]:
    """Around a call of this method, which notes on the line what it learns."""
    began, line = perf_counter(), Line()
    token = begin_request(_id_of(metadata))
    metrics.rpc_requests_in_progress.inc()
    service, _, name = method.partition("/")
    about = {"rpc.system": "grpc", "rpc.service": service, "rpc.method": name}
    try:
        with tracing.entered(metadata, method, "server", about) as span:
            yield line
            _note(span, line)
            _log(method, line, began)
    finally:
        metrics.rpc_requests_in_progress.dec()
        metrics.rpc_request_duration.labels(method, line.code.name).observe(perf_counter() - began)
        end_request(token)


def _id_of(metadata: Mapping[str, str]) -> str:
    """The caller's own, or a new one."""
    given = metadata.get(REQUEST_ID, "")
    return given if ACCEPTABLE_ID.fullmatch(given) else str(new_id())


def _note(span: tracing.Span, line: Line) -> None:
    span.note(
        {
            "rpc.grpc.status_code": line.code.value[0],
            "stockroom.client": line.client or None,
            "stockroom.cache": line.told.get("cache"),
            "stockroom.request_id": current().request_id,
        }
    )
    if line.code in OURS_TO_MEND:
        span.fail(line.code.name)


def _log(method: str, line: Line, began: float) -> None:
    """One line per call. A client's mistake is no failure of ours."""
    fields: dict[str, Any] = {
        "method": method,
        "code": line.code.name,
        "duration_ms": milliseconds_since(began),
    }
    if line.reason:
        fields["reason"] = line.reason
    if line.client:
        fields["client"] = line.client
    write = logger.error if line.code in OURS_TO_MEND else logger.info
    write("call", **fields, **line.told, bytes=line.sent)
