"""One operation on its way to the view that carries it out, and its answer on the way back."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any, Final

from django.http import QueryDict
from rest_framework.request import Request

from common.api import documents, parameters
from common.api.atomic import lids
from common.api.requests import WITH_BODY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rest_framework.response import Response

    from common.api.atomic.shape import Operation
    from common.api.atomic.targets import Target
    from common.api.bodies import ReadsDocuments
    from common.api.requests import RequestChecks

OF_THE_WHOLE: Final = ("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH", "HTTP_IDEMPOTENCY_KEY")
"""Headers of the document's request, which do not speak of a single operation."""


class Step:
    """An operation, the endpoint that it leads to, and in turn the view that stands ready there.

    The view is the one of the single request. What comes before its action has been done for the
    whole document, but for the permission, which is asked for each operation.
    """

    def __init__(self, operation: Operation, target: Target, whole: RequestChecks) -> None:
        """``whole`` is the view that the document was sent to."""
        self.operation = operation
        self.target = target
        self._whole = whole
        self.view = self._ready_view()

    def check_permissions(self) -> None:
        self.view.check_permissions(self.view.request)

    def carry_out(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """Do it, and return its result; ``sent`` is the operation, without local ids by now."""
        self.view = view = self._ready_view()
        self._name_the_row(sent)
        self._read_body(sent)
        response: Response = getattr(view, view.action)(view.request, **view.kwargs)
        answer = response.data or {}
        return {member: answer[member] for member in ("data", "meta") if member in answer}

    def _ready_view(self) -> ReadsDocuments:
        target, whole = self.target, self._whole
        view = target.view_class()
        view.action_map = dict(target.action_map)
        view.action = target.action
        view.args, view.kwargs = (), dict(target.kwargs)
        view.request = self._request()
        view.format_kwarg = None
        view.headers = {}
        view.origin = whole.origin
        view.query = parameters.Query()
        return view

    def _request(self) -> Request:
        """A request as it would be for this operation alone, with nothing in it yet."""
        sent: Any = self._whole.request._request  # noqa: SLF001  Django's
        carrier = copy(sent)
        carrier.method, carrier.path = self.target.method, self.target.path
        carrier.GET = QueryDict()
        carrier.META = {
            name: value for name, value in sent.META.items() if name not in OF_THE_WHOLE
        }
        vars(carrier).pop("headers", None)  # made from META, once
        request = Request(carrier)
        request.user = self._whole.request.user
        request.accepted_renderer = self._whole.request.accepted_renderer
        request.accepted_media_type = self._whole.request.accepted_media_type
        return request

    def _name_the_row(self, sent: Mapping[str, Any]) -> None:
        """The id of what an earlier operation has added, in place of its local one.

        An address that the client wrote itself has no local id in it, whatever it looks like.
        """
        if self.operation.href is not None or self.target.kwargs.get("pk") != lids.NOT_YET:
            return
        named = sent.get("ref") or sent.get("data") or {}
        self.view.kwargs["pk"] = named.get("id", lids.NOT_YET)

    def _read_body(self, sent: Mapping[str, Any]) -> None:
        view, request = self.view, self.view.request
        if view.takes_linkage:
            document = documents.read_linkage(sent)
        elif request.method not in WITH_BODY or (view.is_action and "data" not in sent):
            document = documents.Document(root=sent)
        else:
            document = documents.read(sent, jsonapi=True, creating=request.method == "POST")
        request._full_data = document  # type: ignore[attr-defined]  # noqa: SLF001  as read_body does
        if request.method in WITH_BODY:
            view.read_body(request)
