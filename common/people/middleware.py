"""What staff's requests leave behind: that their session is in use, and through which door."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError
from django.shortcuts import resolve_url

from common.access.addresses import client_address
from common.people.audit import through_door
from common.people.models import AuditEntry

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

BACK_OFFICE: Final = "/admin"
BACKGROUND: Final = "background"
"""What our scripts say of themselves where they ask for news; over plain HTTP browsers do not."""
IDLE: Final = "idle"
IDLE_UNSENT: Final = "idle_unsent"
"""Why one is asked to log in again; what was sent with the last request was not saved."""


class StaffSessionMiddleware:
    """Behind Django's session and authentication middlewares; costs a program's request nothing.

    A session that nobody used for ``STAFF_IDLE_MINUTES`` is gone when it is looked up; the login
    page is then told why.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        session: Any = request.session
        session.used_from = partial(_used_from, request)
        is_back_office = request.path.startswith(BACK_OFFICE)
        doors = AuditEntry.Door
        with through_door(doors.BACK_OFFICE if is_back_office else doors.API):
            response = self.get_response(request)
        if session.was_idle:
            _say_why(request, response)
        elif session.row is not None and is_activity(request):
            with suppress(DatabaseError):  # the answer is there: it is not lost over this
                session.touch()
        return response


def _used_from(request: HttpRequest) -> tuple[str | None, str]:
    return client_address(request), printable(request.headers.get("User-Agent", ""))


def is_activity(request: HttpRequest) -> bool:
    """Somebody is there: pages that ask for news by themselves keep no session alive."""
    is_asked_by_script = (
        request.headers.get("X-Requested-With") == BACKGROUND
        or request.headers.get("Sec-Fetch-Dest") == "empty"
    )
    return request.method not in {"GET", "HEAD"} or not is_asked_by_script


def printable(text: str) -> str:
    """A header as a column can hold it."""
    return "".join(letter for letter in text if letter.isprintable())[:255]


def _say_why(request: HttpRequest, response: HttpResponse) -> None:
    """Add the reason to the address of the login page, where the answer leads there."""
    location = response.headers.get("Location", "")
    if urlsplit(location).path != resolve_url(settings.LOGIN_URL):
        return
    reason = IDLE_UNSENT if request.method == "POST" else IDLE
    joint = "&" if "?" in location else "?"
    response.headers["Location"] = f"{location}{joint}ended={reason}"
