"""Errors as JSON:API documents: what went wrong, where in the request, what to do next."""

from __future__ import annotations

import sys
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.template.loader import render_to_string
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response

from common.api.encoding import encoded
from common.errors import DomainError
from common.observability.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

logger = get_logger(__name__)

RETRY_AFTER_SECONDS = 1
GENERIC_CODES = {
    "error": "invalid",
    "parse_error": "malformed",
    "authentication_failed": "not_authenticated",
}


OTHERS: Final[Mapping[type[Exception], tuple[int, str, str]]] = {
    Http404: (404, "not_found", "There is nothing at this address."),
    PermissionDenied: (403, "permission_denied", "You may not do this."),
    SuspiciousOperation: (400, "malformed", "The request cannot be understood."),
    UnreadablePostError: (400, "malformed", "The body ended before it was complete."),
}
"""Exceptions of Django's that we expect: status, code and words."""


class ApiError(exceptions.APIException):
    """A request that the API itself refuses, with its stable code and where the fault lies.

    One of ``pointer`` (into the body as it was sent), ``parameter`` or ``header``, or none.
    """

    status_code = 400
    default_code = "malformed"

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        pointer: str | None = None,
        parameter: str | None = None,
        header: str | None = None,
    ) -> None:
        super().__init__(detail, code)
        places = {"pointer": pointer, "parameter": parameter, "header": header}
        self.source = {kind: place for kind, place in places.items() if place is not None}


class Malformed(ApiError):
    """The body is not a document of the expected structure."""


class InvalidParameter(ApiError):
    """A query parameter or header has a value that cannot be used."""

    default_code = "invalid_parameter"


class UnknownParameter(ApiError):
    """A query parameter that this endpoint does not know."""

    default_code = "unknown_parameter"


class ReadOnly(ApiError):
    """A relationship or id that clients cannot write."""

    status_code = 403
    default_code = "read_only"


class DocumentConflict(ApiError):
    """The document names another type or id than the URL."""

    status_code = 409
    default_code = "type_conflict"


class RelatedNotFound(ApiError):
    """The resource that a document links to does not exist."""

    status_code = 404
    default_code = "not_found"


class PayloadTooLarge(ApiError):
    """The body is larger than we read."""

    status_code = 413
    default_code = "payload_too_large"


class UnsupportedMediaType(ApiError):
    """The body comes in a form that we do not read."""

    status_code = 415
    default_code = "unsupported_media_type"

    def __init__(self, detail: str, *, header: str = "Content-Type") -> None:
        super().__init__(detail, header=header)


class NotAcceptable(ApiError):
    """The answer is wanted in a form that we do not give."""

    status_code = 406
    default_code = "not_acceptable"


class PreconditionFailed(ApiError):
    """The resource is not the one that If-Match names, or the one that If-None-Match rules out."""

    status_code = 412
    default_code = "precondition_failed"

    def __init__(self, detail: str, *, header: str = "If-Match") -> None:
        super().__init__(detail, header=header)


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    source: Mapping[str, str] | None = None,
    meta: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """One error object; the request's id is added where the document is finished."""
    error: dict[str, Any] = {
        "status": str(status),
        "code": code,
        "title": HTTPStatus(status).phrase,
        "detail": detail,
    }
    if source:
        error["source"] = dict(source)
    if meta:
        error["meta"] = dict(meta)
    return error


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's hook: every expected exception as an errors document; None for a bug."""
    request = context["request"]
    problems = list(problems_of(exc, request))
    if not problems:
        return None
    status = exc.status if isinstance(exc, DomainError) else int(problems[0]["status"])
    response = Response(errors_document(problems, request), status=status)
    for name, value in _headers(exc, response.status_code).items():
        response[name] = value
    if isinstance(exc, exceptions.MethodNotAllowed):
        response["Allow"] = ", ".join(context["view"].allowed_methods)
    return response


def problems_of(exc: Exception, request: Any) -> Iterator[dict[str, Any]]:
    """Error objects for an exception that we expect, at least one; none for a bug."""
    match exc:
        case DomainError():
            yield from _refusals(exc, request)
        case exceptions.ValidationError():
            yield from _invalid_input(exc.detail, request)
        case ApiError():
            yield problem(exc.status_code, _code(exc.detail), str(exc.detail), source=exc.source)
        case exceptions.APIException():
            yield problem(exc.status_code, _code(exc.detail), _sentence(exc))
        case OperationalError() | InterfaceError():
            yield _unavailable(exc)
        case UnreadablePostError(__cause__=TimeoutError()):
            yield problem(408, "request_timeout", "The body did not arrive in time.")
        case _:
            yield from (problem(*known) for kind, known in OTHERS.items() if isinstance(exc, kind))


def _unavailable(error: BaseException) -> dict[str, Any]:
    logger.warning("database_unavailable", error=type(error.__cause__ or error).__name__)
    return problem(503, "service_unavailable", "The database is busy or away; try again.")


def _refusals(refusal: DomainError, request: Any) -> Iterator[dict[str, Any]]:
    for one in refusal.problems:
        source = _place(request, *one.attribute.split("/")) if one.attribute else {}
        yield problem(one.status, one.code, one.detail, source=source, meta=one.meta)


def _invalid_input(detail: Any, request: Any) -> Iterator[dict[str, Any]]:
    """One error for each problem that the serializers found, at any depth."""
    for path, message in _leaves(detail, ()):
        code = _code(message)
        meta = {"attribute": path[-1]} if code == "required" else None
        yield problem(422, code, str(message), source=_place(request, *path), meta=meta)


def _leaves(detail: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(detail, dict):
        for key, value in detail.items():
            deeper = path if key == "non_field_errors" else (*path, str(key))
            yield from _leaves(value, deeper)
    elif isinstance(detail, list):
        for index, value in enumerate(detail):
            nested = isinstance(value, dict | list)
            yield from _leaves(value, (*path, str(index)) if nested else path)
    else:
        yield path, detail


def _place(request: Any, *path: str) -> dict[str, str]:
    """Where in the sent document the input of this name stands, or should have stood."""
    locate = getattr(getattr(request, "data", None), "pointer", None)
    return {"pointer": locate(*path)} if locate else {}


def _code(detail: Any) -> str:
    code = str(getattr(detail, "code", "invalid"))
    return GENERIC_CODES.get(code, code)


def _sentence(exc: exceptions.APIException) -> str:
    """The exception's words; the same ones for every reason why a key is not accepted."""
    if isinstance(exc, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        return "Send a valid API key in the X-API-Key header."
    return str(exc.detail)


def _headers(exc: Exception, status: int) -> dict[str, str]:
    headers: dict[str, str] = {}
    if challenge := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(exc, "wait", None):  # of a Throttled
        headers["Retry-After"] = str(max(1, int(wait)))
    if status == HTTPStatus.SERVICE_UNAVAILABLE or getattr(exc, "code", "").endswith("in_progress"):
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return headers


def errors_page(request: HttpRequest, *problems: dict[str, Any]) -> HttpResponse:
    """An errors document for answers that no view gives."""
    from common.api.negotiation import answer_media_type  # noqa: PLC0415  it raises our errors

    return HttpResponse(
        encoded(errors_document(list(problems), request)),
        status=int(problems[0]["status"]),
        content_type=answer_media_type(request),
    )


def errors_document(problems: list[dict[str, Any]], request: Any) -> dict[str, Any]:
    """The document around error objects, each carrying the id of the request."""
    request_id = getattr(request, "id", "")
    return {"errors": [{"id": request_id, **one} if request_id else one for one in problems]}


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler404: staff get the admin's page, programs a document."""
    if request.path_info.startswith("/admin/"):
        return defaults.page_not_found(request, exception)
    detail = "There is nothing at this address; /docs says what there is."
    return errors_page(request, problem(404, "not_found", detail))


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500: a bug, or a database that was away outside of a view.

    The log has it under the id that the answer carries.
    """
    error = sys.exc_info()[1]
    is_for_staff = request.path_info.startswith("/admin/")
    if isinstance(error, OperationalError | InterfaceError):
        away = _unavailable(error)
        response = _staff_page(request, 503) if is_for_staff else errors_page(request, away)
        response["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return response
    if is_for_staff:
        return _staff_page(request, 500)
    detail = "Something failed on our side; it has been logged under this request's id."
    return errors_page(request, problem(500, "server_error", detail))


def _staff_page(request: HttpRequest, status: int) -> HttpResponse:
    page = render_to_string(f"{status}.html", {"request_id": getattr(request, "id", "")})
    return HttpResponse(page, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """handler400: a wrong Host and the like."""
    return errors_page(request, problem(400, "malformed", "The request cannot be understood."))
