"""Who sent the request: a program by its API key, or staff by their admin session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed

from common.access.verification import Client, verify
from common.people.second_factor import has_passed

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from rest_framework.request import Request


class ApiKeyAuthentication(BaseAuthentication):
    """The client whose key is in ``X-API-Key``; without the header, others may know the sender.

    Stands first in a view's list, so that a request nobody knows is answered with its challenge.
    Two such headers reach us as one with a comma, which is nobody's key.
    """

    def authenticate(self, request: Request) -> tuple[Client, None] | None:
        secret = request.META.get("HTTP_X_API_KEY")
        if secret is None:
            return None
        if failure := getattr(request._request, "unverified", None):  # noqa: SLF001  a shortcut's
            raise failure
        client = verify(secret)
        if client is None:
            raise AuthenticationFailed
        return client, None

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002  DRF's signature
        return 'ApiKey realm="api"'


class StaffSessionAuthentication(SessionAuthentication):
    """Staff who are logged in to the admin, with all steps that their login has.

    With CSRF protection, as for any browser session.
    """

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        user = getattr(request._request, "user", None)  # noqa: SLF001  DRF's own way to it
        if user is None or not user.is_staff or not has_passed(request._request):  # noqa: SLF001
            return None
        return super().authenticate(request)
