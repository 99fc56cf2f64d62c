"""Errors as gRPC tells them: a status, and in its details which rule said no, where and why.

The codes are those of the API over HTTP (docs/api.md); a refusal is decided in one place and only
put in other words here.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.any_pb2 import Any as Packed
from google.rpc.error_details_pb2 import (
    BadRequest,
    ErrorInfo,
    PreconditionFailure,
    RequestInfo,
    RetryInfo,
)
from google.rpc.status_pb2 import Status
from grpc import StatusCode

from common.api.errors import RETRY_AFTER_SECONDS, problems_of
from common.errors import DomainError, Invalid
from common.idempotency.once import InProgress
from common.observability.context import current

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from google.protobuf.message import Message

    Problem = Mapping[str, Any]

DETAILS: Final = "grpc-status-details-bin"
DOMAIN: Final = "stockroom"
MOST_DETAILS: Final = 4096
"""Bytes. Clients take 8 KiB of metadata, in which this is written by letters."""
LONGEST_SENTENCE: Final = 500

CODES: Final[Mapping[int, StatusCode]] = {
    HTTPStatus.UNAUTHORIZED: StatusCode.UNAUTHENTICATED,
    HTTPStatus.FORBIDDEN: StatusCode.PERMISSION_DENIED,
    HTTPStatus.NOT_FOUND: StatusCode.NOT_FOUND,
    HTTPStatus.TOO_MANY_REQUESTS: StatusCode.RESOURCE_EXHAUSTED,
    HTTPStatus.SERVICE_UNAVAILABLE: StatusCode.UNAVAILABLE,
}
"""What does not depend on who says it; the rest is a rule's refusal, or wrong input."""


@dataclass(slots=True)
class Failure(Exception):
    """Why a call has no answer. ``reason`` is the stable code of its first problem."""

    code: StatusCode
    reason: str
    status: Status

    @property
    def message(self) -> str:
        return self.status.message


class MalformedMessage(Invalid):
    """The bytes are not the message that the method takes."""

    code = "malformed"


class OutOfTime(Exception):
    """The caller's deadline has passed, or it has gone: the work was not begun."""


class TooManyCalls(Exception):
    """Every thread is busy, and as many calls wait as may."""


def failure_of(error: Exception) -> Failure | None:
    """An exception that we expect, as gRPC tells it; None for a bug."""
    if isinstance(error, Failure):
        return error
    if isinstance(error, OutOfTime):
        return made(StatusCode.DEADLINE_EXCEEDED, "deadline_exceeded", "There was no time left.")
    if isinstance(error, TooManyCalls):
        return _crowded()
    problems = list(problems_of(error, AS_SENT))
    if not problems:
        return None
    code = _code(error, int(problems[0]["status"]))
    wait = getattr(error, "wait", None) or RETRY_AFTER_SECONDS
    details = [*_told(code, problems), *_advice(code, wait)]
    return made(code, problems[0]["code"], _sentence(problems), *details)


def broken() -> Failure:
    """What a bug is told as; the log has it under the id of the request."""
    detail = "Something failed on our side; it has been logged under this request's id."
    return made(StatusCode.INTERNAL, "server_error", detail)


def _crowded() -> Failure:
    code, reason = StatusCode.RESOURCE_EXHAUSTED, "too_many_calls"
    told = ErrorInfo(reason=reason, domain=DOMAIN)
    sentence = "Too many calls wait for an answer; try again."
    return made(code, reason, sentence, told, *_advice(code, RETRY_AFTER_SECONDS))


def made(code: StatusCode, reason: str, sentence: str, *details: Message) -> Failure:
    """A failure with its details, of which those that do not fit are left out."""
    status = Status(code=code.value[0], message=sentence[:LONGEST_SENTENCE])
    for detail in (_request(), *details):
        packed = _packed(detail)
        if status.ByteSize() + packed.ByteSize() <= MOST_DETAILS:
            status.details.append(packed)
    return Failure(code, reason, status)


def replayed(kept: bytes) -> Failure:
    """A refusal as it was kept, under the id of the request that it is told to now."""
    status = Status.FromString(kept)
    code = next(one for one in StatusCode if one.value[0] == status.code)
    others = [detail for detail in status.details if not detail.Is(RequestInfo.DESCRIPTOR)]
    del status.details[:]
    status.details.extend([_packed(_request()), *others])
    return Failure(code, _reason(others), status)


def _request() -> RequestInfo:
    return RequestInfo(request_id=current().request_id)


def _packed(detail: Message) -> Packed:
    packed = Packed()
    packed.Pack(detail)
    return packed


def _reason(details: Sequence[Packed]) -> str:
    """The code of the first problem."""
    info = ErrorInfo()
    return next((info.reason for detail in details if detail.Unpack(info)), "")


def _code(error: Exception, status: int) -> StatusCode:
    if isinstance(error, InProgress):
        return StatusCode.ABORTED
    if status in CODES:
        return CODES[status]
    is_refusal = isinstance(error, DomainError) and not isinstance(error, Invalid)
    return StatusCode.FAILED_PRECONDITION if is_refusal else StatusCode.INVALID_ARGUMENT


def _sentence(problems: Sequence[Problem]) -> str:
    others = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{problems[0]['detail']}{others}"


def _told(code: StatusCode, problems: Sequence[Problem]) -> Iterator[Message]:
    """Each problem with its code and figures; then all of them by field, in the usual form."""
    first, *others = [_info(problem) for problem in problems]
    yield first
    match code:
        case StatusCode.INVALID_ARGUMENT:
            yield BadRequest(field_violations=map(_in_field, problems))
        case StatusCode.FAILED_PRECONDITION:
            yield PreconditionFailure(violations=map(_against_rule, problems))
    yield from others


def _info(problem: Problem) -> ErrorInfo:
    figures = {name: str(value) for name, value in problem.get("meta", {}).items()}
    if place := _place(problem):
        figures["field"] = place
    return ErrorInfo(reason=problem["code"], domain=DOMAIN, metadata=figures)


def _in_field(problem: Problem) -> BadRequest.FieldViolation:
    return BadRequest.FieldViolation(
        field=_place(problem), description=problem["detail"], reason=problem["code"]
    )


def _against_rule(problem: Problem) -> PreconditionFailure.Violation:
    return PreconditionFailure.Violation(
        type=problem["code"], subject=_place(problem), description=problem["detail"]
    )


def _advice(code: StatusCode, wait: float) -> Iterator[Message]:
    """When to try again, where that may help."""
    if code in {StatusCode.UNAVAILABLE, StatusCode.RESOURCE_EXHAUSTED, StatusCode.ABORTED}:
        advice = RetryInfo()
        advice.retry_delay.FromSeconds(max(1, int(wait)))
        yield advice


def _place(problem: Problem) -> str:
    return next(iter(problem.get("source", {}).values()), "")


def _field(*path: str) -> str:
    """The place of an input as gRPC writes it: ``lines[0].sku``."""
    written = "".join(f"[{part}]" if part.isdecimal() else f".{part}" for part in path)
    return written.removeprefix(".")


AS_SENT: Final = SimpleNamespace(data=SimpleNamespace(pointer=_field))
"""A message, where the API asks for the place of an input in what was sent."""
