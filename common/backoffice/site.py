"""The admin site of the back office."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from django.core.exceptions import BadRequest
from django.http import Http404
from unfold.sites import UnfoldAdminSite

from common.observability.context import set_actor

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

    View = Callable[..., HttpResponse]


class BackOffice(UnfoldAdminSite):
    """Whoever uses a page is the actor of all that the page writes.

    Every view of every admin passes here, so that none of them has to think of it.
    """

    index_title = "Overview"
    empty_value_display = "–"

    def admin_view(self, view: View, cacheable: bool = False) -> View:  # noqa: FBT001, FBT002
        @wraps(view)
        def with_actor(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if "%00" in request.META.get("QUERY_STRING", ""):  # no text in PostgreSQL has a NUL
                raise BadRequest
            set_actor(request.user.get_username())
            return view(request, *args, **kwargs)

        return super().admin_view(with_actor, cacheable)

    def search(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Not offered: unfold's own keeps objects in the cache, which takes JSON alone."""
        raise Http404
