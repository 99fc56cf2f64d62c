"""Query parameters that an endpoint of the inventory has for itself: ``as_of``, ``location``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.core.exceptions import ValidationError

from common.api.errors import InvalidParameter
from common.api.fields import is_printable
from common.api.filters import Instant
from common.api.openapi.operations import ResourceSchema
from common.api.views import ResourceView
from common.database import database_now
from common.errors import NotFound
from inventory.models import Location

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from rest_framework.request import Request

    from common.api.openapi.components import Schema

AS_OF: Final = "as_of"
LOCATION: Final = "location"
DESCRIBED: Final[Mapping[str, Schema]] = {
    AS_OF: {
        "name": AS_OF,
        "in": "query",
        "description": "What was on hand at this moment in the past.",
        "schema": {"type": "string", "format": "date-time"},
    },
    LOCATION: {
        "name": LOCATION,
        "in": "query",
        "description": "The code or id of a location: what is there alone.",
        "schema": {"type": "string"},
    },
}


class WordsSchema(ResourceSchema):
    """The operation with the words that the view takes."""

    def get_operation(self, *args: Any) -> Schema:
        view: Any = self.view
        operation = super().get_operation(*args)
        taken = view.words if view.action == "retrieve" else ()
        operation["parameters"] += [DESCRIBED[word] for word in taken]
        return operation


class TakesWords(ResourceView):
    """A view whose single resource can be asked for in these words besides."""

    words: ClassVar[tuple[str, ...]] = ()
    schema = WordsSchema()
    given: Mapping[str, list[str]]

    def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Request:
        """Take the words out of what is checked against the parameters that all endpoints have."""
        wrapped = super().initialize_request(request, *args, **kwargs)
        taken = self.words if self.action == "retrieve" else ()
        query = request.GET.copy()
        self.given = {word: query.pop(word) for word in taken if word in query}
        request.GET = query
        return wrapped

    def as_of(self) -> datetime | None:
        """The moment in the past that is asked for; None for now."""
        text = self._word(AS_OF)
        if text is None:
            return None
        try:
            instant: datetime = Instant.field_class(required=True).clean(text)
        except ValidationError as error:
            advice = "Send a moment like 2026-11-21T12:00:00Z."
            raise InvalidParameter(advice, parameter=AS_OF) from error
        if instant > database_now():
            raise InvalidParameter("Nobody knows the future.", parameter=AS_OF)
        return instant

    def location(self) -> Location | None:
        """The location that is asked for; None for all."""
        text = self._word(LOCATION)
        if text is None:
            return None
        location = Location.objects.named(text)
        if location is None:
            raise NotFound(f"There is no location {text!r}.")
        return location

    def _word(self, name: str) -> str | None:
        values = self.given.get(name)
        if values is None:
            return None
        if len(values) > 1:
            raise InvalidParameter("This parameter is given twice.", parameter=name)
        if not is_printable(values[0]):
            raise InvalidParameter("Control characters are not allowed.", parameter=name)
        return values[0]
