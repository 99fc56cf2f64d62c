"""The feed: what happened, in the one order that everybody sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import django_filters
from rest_framework import serializers as drf
from rest_framework_json_api import serializers

from common.access.permissions import HasScope
from common.access.scopes import Scope
from common.api.filters import Filters, Number
from common.api.routers import resource_routes
from common.api.views import ResourceView
from common.events.models import Event
from common.events.sequencing import number_events
from common.events.types import TYPES
from common.replica import positions, routing

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request
    from rest_framework.response import Response


class SubjectSerializer(drf.Serializer):
    """What an event is about: its resource type and id."""

    type = drf.CharField(read_only=True, source="subject_type")
    id = drf.CharField(read_only=True, source="subject_id")


class EventSerializer(serializers.ModelSerializer):
    event_type = drf.ChoiceField([(name, name) for name in TYPES], read_only=True, source="type")
    sequence = drf.IntegerField(read_only=True)
    subject = SubjectSerializer(read_only=True, source="*")
    data = drf.DictField(read_only=True)

    class Meta:
        model = Event
        resource_name = "events"
        read_scope = Scope.EVENTS_READ
        fields = ["event_type", "sequence", "occurred_at", "subject", "data", "request_id"]


class EventFilters(Filters):
    type = django_filters.ChoiceFilter(choices=[(name, name) for name in TYPES])
    subject = django_filters.CharFilter(method="about")
    sequence__gt = Number(field_name="sequence", lookup_expr="gt")

    def about(self, rows: QuerySet[Event], _name: str, value: str) -> QuerySet[Event]:
        kind, _, subject_id = value.partition("/")
        return rows.filter(subject_type=kind, subject_id=subject_id.lower())


class EventView(ResourceView):
    """What happened, oldest first; the last page's `next` is where to ask again."""

    resource_type = "events"
    model = Event
    queryset = Event.objects.exclude(sequence=None)
    serializer_class = EventSerializer
    permission_classes = [HasScope.for_methods(read="events:read", write="events:read")]
    staff_permissions = {"GET": "events.view_event"}
    filterset_class = EventFilters
    ordering = ("sequence",)
    cursor_only = True
    is_endless = True
    may_lag = False  # and what it tells of is in the lists that its reader fetches next

    def list(self, request: Request) -> Response:
        """Events get their sequence from the relay; where none runs, from those who ask."""
        number_events()
        response = super().list(request)
        if response.data["data"] and routing.is_configured():
            positions.note(request.user)
        return response


urlpatterns: list[Any] = resource_routes(EventView)
