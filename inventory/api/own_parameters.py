"""Query parameters that an endpoint of the inventory has for itself: ``as_of``, ``location``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.core.exceptions import ValidationError

from common.api.errors import InvalidParameter
from common.api.filters import Instant
from common.api.views import ResourceView
from common.database import database_now
from common.errors import NotFound
from inventory.models import Location

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from common.api.openapi.components import Schema

AS_OF: Final = "as_of"
LOCATION: Final = "location"
DESCRIBED: Final[Mapping[str, Schema]] = {
    AS_OF: {
        "description": "What was on hand at this moment in the past.",
        "schema": {"type": "string", "format": "date-time"},
    },
    LOCATION: {
        "description": "The code or id of a location: what is there alone.",
        "schema": {"type": "string"},
    },
}


class HasOwnParameters(ResourceView):
    """A view whose single resource can be asked for as it was, or at one location."""

    def as_of(self) -> datetime | None:
        """The moment in the past that is asked for; None for now."""
        text = self.query.own_parameters.get(AS_OF)
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
        text = self.query.own_parameters.get(LOCATION)
        if text is None:
            return None
        location = Location.objects.named(text)
        if location is None:
            raise NotFound(f"There is no location {text!r}.")
        return location
