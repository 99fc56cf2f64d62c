"""How endpoints and deliveries look in answers, and what a client may send."""

from __future__ import annotations

from django.conf import settings
from rest_framework import serializers as drf
from rest_framework_json_api import serializers

from common.access.scopes import Scope
from common.api import fields
from common.api.relations import ToOne
from common.api.serializers import StrictSerializer
from common.events.types import TYPES
from common.webhooks import rules
from common.webhooks.models import WebhookDelivery, WebhookEndpoint

URL = {
    "format": "uri",
    "pattern": r"^[Hh][Tt][Tt][Pp][Ss]?://[A-Za-z0-9_\[][^\s/?#@\\]*([/?][!-\"$-\[\]-~]*)?$",
    "maxLength": rules.LONGEST_URL,
    "description": "Of the public internet, https, without user information and fragment.",
}
HIGHEST = 2**63 - 1
SHOWN = [
    "url",
    "description",
    "event_types",
    "is_active",
    "disabled_reason",
    "failing_since",
    "created_by",
    "version",
    "created_at",
    "updated_at",
]


class WebhookEndpointSerializer(serializers.ModelSerializer):
    event_types = drf.ListField(
        child=drf.ChoiceField([(name, name) for name in TYPES]),
        read_only=True,
        help_text="What it is told of; none of them means everything.",
    )

    class Meta:
        model = WebhookEndpoint
        resource_name = "webhook-endpoints"
        read_scope = Scope.WEBHOOKS_READ
        fields = SHOWN


class WebhookEndpointWithSecretSerializer(WebhookEndpointSerializer):
    """As it is shown when its secret is new, and never again."""

    class Meta(WebhookEndpointSerializer.Meta):
        fields = [*SHOWN, "secret"]


class AttemptSerializer(drf.Serializer):
    """One try to deliver: an answer with its status code, or why there was none."""

    at = drf.DateTimeField(read_only=True)
    status_code = drf.IntegerField(read_only=True, allow_null=True)
    error = drf.CharField(read_only=True, allow_null=True)
    duration_ms = drf.IntegerField(read_only=True)


class WebhookDeliverySerializer(serializers.ModelSerializer):
    event_id = drf.UUIDField(read_only=True)
    event_type = drf.ChoiceField(
        [(name, name) for name in TYPES], read_only=True, source="event.type"
    )
    sequence = drf.IntegerField(
        read_only=True,
        allow_null=True,
        source="event.sequence",
        help_text="The event's; null until it has one, and then it is sent.",
    )
    status = drf.ChoiceField(WebhookDelivery.Status.choices, read_only=True)
    attempts = AttemptSerializer(many=True, read_only=True)
    endpoint = ToOne("webhook-endpoints")
    included_serializers = {"endpoint": WebhookEndpointSerializer}

    class Meta:
        model = WebhookDelivery
        resource_name = "webhook-deliveries"
        read_scope = Scope.WEBHOOKS_READ
        fields = [
            "event_id",
            "event_type",
            "sequence",
            "status",
            "attempts",
            "next_attempt_at",
            "version",
            "created_at",
            "updated_at",
            "endpoint",
        ]


class ReplaySerializer(drf.Serializer):
    """How much is sent once more."""

    deliveries = drf.IntegerField(read_only=True)

    class Meta:
        model = WebhookDelivery
        resource_name = "webhook-endpoints"
        read_scope = Scope.WEBHOOKS_READ


def _url(text: str) -> str:
    return rules.url(text, allow_private=settings.WEBHOOK_ALLOW_PRIVATE)


class WebhookEndpointInput(StrictSerializer):
    """An address that is to be told of events. Its secret is made here, and in the answer."""

    kept = frozenset(
        {"disabled_reason", "failing_since", "created_by", "version", "created_at", "updated_at"}
    )
    fixed = frozenset({"secret"})
    example = {
        "url": "https://example.com/hooks/stockroom",
        "description": "The web shop",
        "event_types": ["stock.changed", "stock.out"],
    }

    url = fields.Text(_url, documented=URL)
    description = fields.Text(max_length=255, allow_blank=True, required=False)
    event_types = drf.ListField(
        child=fields.Choice(list(TYPES)),
        required=False,
        max_length=len(TYPES),
        help_text="What it is told of; none of them means everything.",
    )
    is_active = fields.Boolean(required=False)


class WebhookEndpointChanges(WebhookEndpointInput):
    """Another address, other events, or the end or beginning of it."""

    example = {"event_types": ["stock.changed", "stock.low", "stock.out"]}


class NoInput(StrictSerializer):
    """Nothing: the address says it all."""


class ReplayInput(StrictSerializer):
    """A stretch of the feed by its sequences, both ends included; at most 100 000 events."""

    example = {"first_sequence": 1, "last_sequence": 100}

    first_sequence = fields.Integer(min_value=1, max_value=HIGHEST)
    last_sequence = fields.Integer(min_value=1, max_value=HIGHEST)
