"""What is left of deleted endpoints goes, piece by piece; nothing else does."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db.models.functions import Now

from common.database import in_transaction
from common.events.models import Event
from common.events.recording import Fact, record
from common.webhooks.models import WebhookDelivery, WebhookEndpoint
from common.webhooks.sweeping import sweep_deleted
from common.webhooks.tasks import sweep_deleted_endpoints


def endpoint_with(deliveries: int, *, is_deleted: bool) -> WebhookEndpoint:
    endpoint = WebhookEndpoint.objects.create(url="https://x.example", secret="whsec_x")
    if is_deleted:
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(deleted_at=Now())
    for _ in range(deliveries):
        in_transaction(record)([Fact("a.test", "thing", uuid4())])
        WebhookDelivery.objects.create(endpoint=endpoint, event=Event.objects.latest("position"))
    return endpoint


@pytest.mark.django_db
def test_a_deleted_endpoint_goes_with_its_deliveries_and_the_others_stay():
    endpoint_with(3, is_deleted=True)
    kept = endpoint_with(2, is_deleted=False)
    endpoint_with(0, is_deleted=False)
    assert sweep_deleted_endpoints() == 4
    assert WebhookEndpoint.objects.count() == 2
    assert set(WebhookDelivery.objects.values_list("endpoint", flat=True)) == {kept.pk}
    assert Event.objects.count() == 5


@pytest.mark.django_db
def test_the_endpoint_goes_last():
    endpoint_with(3, is_deleted=True)
    assert sweep_deleted(limit=2) == 2
    assert WebhookEndpoint.objects.exists()
    assert sweep_deleted(limit=2) == 2
    assert not WebhookEndpoint.objects.exists()
