"""The way of a request: the checks that need no row, and the last touches (API.md §3)."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.utils import timezone
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from common.access import quota
from common.api import conditional, links, once, parameters
from common.api.documents import Document
from common.api.errors import Malformed, PayloadTooLarge, UnsupportedMediaType
from common.api.negotiation import HTML, check_content_type, check_parameters
from common.observability.context import set_actor

if TYPE_CHECKING:
    from rest_framework.request import Request

    from common.api.parameters import Query

MAX_BODY_BYTES: Final = 2**20
WITH_BODY: Final = frozenset({"POST", "PATCH"})
FETCHING: Final = frozenset({"GET", "HEAD"})


class RequestChecks(GenericViewSet[Any]):
    """Leads a request through its checks in one order, and finishes every answer alike."""

    http_method_names = ["get", "post", "patch", "delete", "head"]
    resource_type: ClassVar[str]
    extension: ClassVar[str] = ""
    """The one of JSON:API that its documents use."""

    request: Request
    query: Query
    origin: str
    """Scheme and host as the client sees them."""

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """As DRF does, with the Idempotency-Key around the action, and in UTC whatever the
        time zone of the back office is.
        """
        self.args, self.kwargs = args, kwargs
        self.request = request = self.initialize_request(request, *args, **kwargs)
        self.headers = self.default_response_headers
        with timezone.override(UTC):
            try:
                self.initial(request, *args, **kwargs)
                response = once.answered_once(self, getattr(self, request.method.lower()))
            except Exception as error:  # as in DRF: a bug is raised again there
                response = self.handle_exception(error)
            self.response = self.finished(response)
        return self.response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Every check that needs no row, in the order that API.md gives."""
        self.format_kwarg = None
        if request.method not in self.allowed_methods:
            raise MethodNotAllowed(str(request.method))
        self.origin = links.origin(request)
        self.perform_authentication(request)
        self.name_the_sender(request)
        self.check_permissions(request)
        self.check_throttles(request)
        request.accepted_renderer, request.accepted_media_type = self.perform_content_negotiation(
            request
        )
        self.check_body_form(request)
        self.query = parameters.read_query(request.query_params, self.allowed_parameters())
        if request.method in WITH_BODY:
            self.read_body(request)

    @property
    def default_response_headers(self) -> dict[str, str]:
        """None of DRF's: Allow belongs to a 405, Vary is set for every answer of the service."""
        return {}

    def name_the_sender(self, request: Any) -> None:
        """Tell logs, movements and events who caused what follows."""
        if request.user.is_authenticated:
            set_actor(str(request.user))
            request._request.client_name = str(request.user)  # noqa: SLF001  read by the log

    def check_body_form(self, request: Request) -> None:
        """Refuse a body that is too large, encoded, or in a media type that we do not read."""
        length = _stated_length(request)
        if length > MAX_BODY_BYTES:
            raise PayloadTooLarge(f"At most {MAX_BODY_BYTES} bytes.")
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise UnsupportedMediaType("Send the body as it is.", header="Content-Encoding")
        content_type = request.content_type or ""
        if length and request.method in WITH_BODY:
            check_content_type(content_type, self.extension)
        else:
            check_parameters(content_type, self.extension)

    def allowed_parameters(self) -> parameters.Allowed:
        """The query parameters that this action understands."""
        return parameters.Allowed()

    def read_body(self, request: Any) -> None:
        """Parse now, so that a malformed body is refused before anything else is looked at."""
        if unreadable := getattr(request._request, "unreadable", None):  # noqa: SLF001  a shortcut's
            raise unreadable
        if not isinstance(request.data, Document):
            request._full_data = self.empty_document()  # noqa: SLF001  DRF puts {} for no body

    def empty_document(self) -> Document:
        """What no body means. Actions take it as "no attributes"; others need a document."""
        if self.is_action:
            return Document()
        raise Malformed("The request needs a body.")

    @property
    def is_action(self) -> bool:
        """A POST to an action URL, which needs no body."""
        return self.action not in {"create", "partial_update", "change_relationship"}

    @property
    def takes_linkage(self) -> bool:
        """The body is linkage and not a resource."""
        return self.action in {"change_relationship", "refuse_relationship"}

    # The answer

    @property
    def keeps_answer(self) -> bool:
        """Whether an Idempotency-Key gets it again."""
        return True

    def finished(self, response: Any) -> Any:
        """The last touches that every answer gets: rendered bytes, ETag, headers."""
        if getattr(response, "is_finished", False):
            return response
        response.is_finished = True
        if isinstance(response, Response):
            response = self.finalize_response(self.request, response)
            response.render()
            self.label_version(response)
        response.headers.setdefault("Cache-Control", "private, no-cache")
        verdict = getattr(self.request._request, "quota_verdict", None)  # noqa: SLF001
        if verdict is not None:
            for name, value in quota.headers(verdict).items():
                response[name] = value
        return response

    def label_version(self, response: Response) -> None:
        """ETag of a single resource; 304 without a body when the client holds it already."""
        version = getattr(response, "version", None)
        if version is None or self.request.accepted_media_type == HTML:
            return
        body = None if self.is_default_representation() else response.content
        response["ETag"] = conditional.etag(version, body)
        if self.request.method in FETCHING and conditional.is_not_modified(
            self.request.headers.get("If-None-Match"), response["ETag"]
        ):
            response.status_code = 304
            response.content = b""
            del response["Content-Type"]

    def is_default_representation(self) -> bool:
        """Whether the answer is the one whose bytes depend on the version alone."""
        return False


def _stated_length(request: Request) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError as error:
        raise Malformed("Content-Length is no number.", header="Content-Length") from error
