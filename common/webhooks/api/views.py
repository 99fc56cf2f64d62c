"""The endpoints of webhooks: who is told of events, and what each of them was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.decorators import action
from rest_framework.response import Response

from common.access.permissions import HasScope
from common.api.openapi.described import described
from common.api.parameters import Allowed
from common.api.views import ResourceView
from common.webhooks import operations
from common.webhooks.api.filters import DeliveryFilters, EndpointFilters
from common.webhooks.api.serializers import (
    NoInput,
    ReplayInput,
    ReplaySerializer,
    WebhookDeliverySerializer,
    WebhookEndpointChanges,
    WebhookEndpointInput,
    WebhookEndpointSerializer,
    WebhookEndpointWithSecretSerializer,
)
from common.webhooks.models import WebhookDelivery, WebhookEndpoint

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request

WebhookScope = HasScope.for_methods(read="webhooks:read", write="webhooks:write")
CHANGE = "webhooks.change_webhookendpoint"


class WebhookEndpointView(ResourceView):
    """Addresses that are told of events, as Standard Webhooks 1.0 has it."""

    resource_type = "webhook-endpoints"
    model = WebhookEndpoint
    queryset = WebhookEndpoint.objects.filter(deleted_at=None)
    serializer_class = WebhookEndpointSerializer
    create_serializer_class = WebhookEndpointInput
    update_serializer_class = WebhookEndpointChanges
    permission_classes = [WebhookScope]
    staff_permissions = {
        "GET": "webhooks.view_webhookendpoint",
        "create": "webhooks.add_webhookendpoint",
        "partial_update": CHANGE,
        "destroy": "webhooks.delete_webhookendpoint",
        "test": CHANGE,
        "rotate_secret": CHANGE,
        "replay": CHANGE,
    }
    filterset_class = EndpointFilters
    sortable = {name: name for name in ("created_at", "updated_at")}
    answered_with = {
        "create": WebhookEndpointWithSecretSerializer,
        "rotate_secret": WebhookEndpointWithSecretSerializer,
        "test": WebhookDeliverySerializer,
        "replay": ReplaySerializer,
    }
    """What an action shows, where that is not the endpoint without its secret."""

    def get_serializer_class(self) -> Any:
        return self.answered_with.get(self.action, self.serializer_class)

    def allowed_parameters(self) -> Allowed:
        """A replay answers with figures alone, which have no fields to choose from."""
        return Allowed() if self.action == "replay" else super().allowed_parameters()

    def create(self, request: Request) -> Response:
        """Let an address be told of what happens from now on.

        The answer carries the `secret` that signs what is sent; it is not shown again.
        """
        self.check_document()
        endpoint = operations.create_endpoint(
            created_by=str(request.user), **self.read_input(WebhookEndpointInput)
        )
        return self.resource(endpoint, status=201)

    def partial_update(self, request: Request, pk: str) -> Response:
        """Change an endpoint, or switch it on or off.

        Switched on, it gets what was waiting for it; what happened meanwhile takes a replay.
        """
        seen = self.seen_for_update()
        endpoint = operations.change_endpoint(
            endpoint_id=seen.pk,
            changes=self.read_input(
                WebhookEndpointChanges, partial=True, current={"secret": seen.secret}
            ),
            expected_version=self.expected_version(seen),
        )
        return self.resource(endpoint)

    def destroy(self, request: Request, pk: str) -> Response:
        """Delete an endpoint; what waits for it is not sent any more."""
        seen = self.get_object()
        self.check_preconditions(seen.version)
        operations.delete_endpoint(
            endpoint_id=seen.pk, expected_version=self.expected_version(seen)
        )
        return Response(status=204)

    @action(detail=True, methods=["post"])
    @described(operation_id="testWebhookEndpoint", takes=NoInput, status=202)
    def test(self, request: Request, pk: str) -> Response:
        """Send an event of the type `endpoint.test` to this endpoint alone.

        Whichever types it wants. The answer is the delivery, which tells what became of it.
        """
        delivery = operations.send_test(**self.read_action())
        return self.resource(delivery, status=202)

    @action(detail=True, methods=["post"], url_path="rotate-secret")
    @described(operation_id="rotateWebhookEndpointSecret", takes=NoInput)
    def rotate_secret(self, request: Request, pk: str) -> Response:
        """Give an endpoint a new secret; it is in the answer, and is not shown again.

        For 24 hours more the one before it signs too.
        """
        return self.resource(operations.rotate_secret(**self.read_action()))

    @action(detail=True, methods=["post"])
    @described(operation_id="replayEvents", takes=ReplayInput, status=202, is_meta=True)
    def replay(self, request: Request, pk: str) -> Response:
        """Send a stretch of the feed once more.

        The events of the types that the endpoint wants, whether they were sent before or not.
        """
        seen = self.seen_for_action()
        sent = operations.replay(endpoint_id=seen.pk, **self.read_input(ReplayInput))
        return Response({"meta": ReplaySerializer({"deliveries": sent}).data}, status=202)

    def read_action(self) -> dict[str, Any]:
        """The endpoint that an action without input is about, as the client has seen it."""
        seen = self.seen_for_action()
        self.read_input(NoInput)
        return {"endpoint_id": seen.pk, "expected_version": self.expected_version(seen)}


class WebhookDeliveryView(ResourceView):
    """What endpoints were sent, or will be, newest first."""

    resource_type = "webhook-deliveries"
    model = WebhookDelivery
    queryset = WebhookDelivery.objects.filter(endpoint__deleted_at=None)
    serializer_class = WebhookDeliverySerializer
    permission_classes = [WebhookScope]
    staff_permissions = {"GET": "webhooks.view_webhookdelivery", "retry": CHANGE}
    filterset_class = DeliveryFilters
    ordering = ("-pk",)
    cursor_only = True
    relationships = {"endpoint": False}

    def loaded(self, rows: QuerySet[WebhookDelivery]) -> QuerySet[WebhookDelivery]:
        return rows.select_related("event", "endpoint")

    @action(detail=True, methods=["post"])
    @described(takes=NoInput, status=202)
    def retry(self, request: Request, pk: str) -> Response:
        """Send an event once more, also one that was delivered."""
        seen = self.seen_for_action()
        self.read_input(NoInput)
        delivery = operations.retry_delivery(
            delivery_id=seen.pk, expected_version=self.expected_version(seen)
        )
        return self.resource(delivery, status=202)
