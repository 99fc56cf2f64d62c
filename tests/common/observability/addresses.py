"""A service in which everything happens that RequestMiddleware must cope with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import include, path, re_path

from common.api.routers import UUID
from common.observability.context import current, set_actor

if TYPE_CHECKING:
    from django.http import HttpRequest


def echo(request: HttpRequest, **_: str) -> HttpResponse:
    """What the inside sees, under the status that the query asks for."""
    set_actor(request.headers.get("X-Sender", ""))
    cause = current()
    seen = {"id": request.id, "request_id": cause.request_id}  # type: ignore[attr-defined]
    return JsonResponse(seen, status=int(request.GET.get("status", 200)))


def page(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("<html></html>")


def stream(_request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(["a", "b"], content_type="text/csv")


def crash(_request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError("a bug")


def forbid(_request: HttpRequest) -> HttpResponse:
    raise PermissionDenied


def host(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.get_host())


urlpatterns = [
    path("api/", include([re_path(rf"^things/(?P<pk>{UUID})/?$", echo)])),
    path("numbered/<int:pk>/", echo),
    path("health", echo),
    path("ready/", echo),
    path("metrics", echo),
    path("page", page),
    path("stream", stream),
    path("crash", crash),
    path("forbid", forbid),
    path("host", host),
]

handler400 = "common.api.errors.bad_request"
handler404 = "common.api.errors.page_not_found"
handler500 = "common.api.errors.server_error"
