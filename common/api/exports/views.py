"""The one base of every export."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.http import StreamingHttpResponse
from django.urls import re_path

from common.api import parameters
from common.api.errors import InvalidParameter, NotAcceptable
from common.api.exports.columns import Column, columns_of
from common.api.exports.forms import FORMS
from common.api.exports.sending import Sending, while_in_force
from common.api.exports.walking import Walk
from common.api.negotiation import JSON, answer_media_type, preferred
from common.api.renderers import JSONAPIRenderer, PlainLabelRenderer
from common.api.resources import shape_of
from common.api.routers import UUID
from common.api.views import ResourceView

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from django.db.models import QuerySet
    from django.http import HttpResponseBase
    from django.urls import URLPattern
    from rest_framework.renderers import BaseRenderer
    from rest_framework.request import Request

    from common.api.exports.forms import Form

AN_ID: Final = re.compile(UUID, re.ASCII)


class ExportView(ResourceView):
    """What a list shows, all of it in one answer. Put before the view of that list, whose rows,
    filters and permissions it has.

    ``joined`` are columns of related rows, as fields of a serializer.
    """

    joined: ClassVar[Mapping[str, Any]] = {}
    form: Form

    def export(self, request: Request) -> HttpResponseBase:
        """Export all rows.

        One answer with all of them, by ascending id: an object on each line, or CSV with
        `Accept: text/csv`. Whoever is cut off goes on behind the last row that arrived whole,
        with its `id` as `page[after]`.
        """
        place = self.place()
        walk = Walk(request.user, self.exported(), self.walking_order(), self.chosen_columns())
        sent: Iterable[bytes] = ()
        if request.method == "GET":
            caller = request.META.get("gunicorn.socket")
            pieces = while_in_force(request, walk.pieces(self.form, place))
            sent = Sending(self.resource_type, pieces, caller)
        response = StreamingHttpResponse(sent, content_type=self.form.content_type)
        name = f"{self.resource_type}.{self.form.suffix}"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        response["X-Accel-Buffering"] = "no"  # a proxy's disk would fill, and then nothing be taken
        return response

    # What is asked for

    def allowed_parameters(self) -> parameters.Allowed:
        return parameters.Allowed(
            fields={self.columns_type: self.columns().keys() - {"id"}},
            filters=self.filterset_class.base_filters,
            is_collection=True,
            is_whole=True,
        )

    def perform_content_negotiation(
        self,
        request: Request,
        force: bool = False,  # noqa: FBT001, FBT002  its signature
    ) -> tuple[BaseRenderer, str]:
        """Choose the form; what comes back is for refusals, which are documents as everywhere."""
        wanted = preferred(request.headers.get("Accept", ""), tuple(FORMS))
        if wanted:
            self.form = FORMS[wanted]
        elif not force:
            raise NotAcceptable(f"Accept {' or '.join(FORMS)}.", header="Accept")
        label = answer_media_type(request)
        return (PlainLabelRenderer() if label == JSON else JSONAPIRenderer()), label

    # The rows

    @property
    def columns_type(self) -> str:
        """What they are columns of, as ``fields[...]`` has it."""
        return shape_of(self.get_serializer_class()).type

    def columns(self) -> Mapping[str, Column]:
        return columns_of(self.get_serializer_class(), self.joined)

    def chosen_columns(self) -> Sequence[Column]:
        """Those that ``fields[...]`` names, or all; the id always."""
        chosen = self.query.fields.get(self.columns_type)
        return [
            column
            for name, column in self.columns().items()
            if chosen is None or name == "id" or name in chosen
        ]

    def exported(self) -> QuerySet[Any]:
        """As the list is filtered; refuses a search that leaves matches out."""
        rows = self.filtered()
        told: dict[str, Any] = rows.query.annotations
        if "are_left_out" in told and told["are_left_out"].value:
            raise InvalidParameter(
                "More match than a search ranks: use another filter, or none.",
                parameter="filter[search]",
            )
        return rows

    def walking_order(self) -> Sequence[str]:
        """Ascending, with the key at its end."""
        return ("pk",)

    def place(self) -> Sequence[Any] | None:
        """Behind which row to go on; None for the beginning."""
        after = self.query.page.after
        if not after:
            return None
        if AN_ID.fullmatch(after):
            if tuple(self.walking_order()) == ("pk",):
                return (after,)
            rows = self.get_queryset().filter(pk=after)
            if place := rows.values_list(*self.walking_order()).first():
                return place
        raise InvalidParameter(
            "Send the id of the last row that you have; nothing, for all of them.",
            parameter="page[after]",
        )


def export_route(view: type[ExportView]) -> URLPattern:
    """Where the export of a resource type is."""
    name = view.resource_type
    return re_path(rf"^exports/{name}/?$", view.as_view({"get": "export"}), name=f"{name}-export")
