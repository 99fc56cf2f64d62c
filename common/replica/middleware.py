"""Every write leaves behind how far the primary had come; only where there is a replica."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from django.db import Error as DatabaseError

from common.replica import positions
from common.replica.routing import is_configured

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class PositionMiddleware:
    """Before a write is answered, its client's position is noted: of programs and of staff.

    Innermost, so that everything has been committed. A refusal counts too, it may have written:
    which one did is not worth knowing. Where the server failed, nobody knows what was written.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.method in READING:
            return response
        if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            positions.forget()
        else:
            _note(request)
        return response


def note_write(user: Any) -> None:
    """The same for a write that was answered sooner; nothing where there is no replica."""
    if is_configured():
        positions.note(user)


def _note(request: HttpRequest) -> None:
    """The user is DRF's, where it knows one; a session that cannot be read is nobody's."""
    try:
        positions.note(request.user)
    except DatabaseError:
        positions.forget()
