"""Endpoints, events and deliveries, as tests of the engine need them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from django.db.models import F

from common.database import database_now, in_transaction
from common.events.recording import Fact, record
from common.events.sequencing import number_events
from common.webhooks.fan_out import fan_out
from common.webhooks.models import WebhookDelivery, WebhookEndpoint
from common.webhooks.rules import new_secret

if TYPE_CHECKING:
    from collections.abc import Iterable


def an_endpoint(url: str = "http://127.0.0.1:9/", **columns: Any) -> WebhookEndpoint:
    columns = {"secret": new_secret(), "created_by": "a test"} | columns
    endpoint = WebhookEndpoint.objects.create(url=url, **columns)
    endpoint.refresh_from_db()
    return endpoint


@in_transaction
def happened(*types: str, subject_id: UUID | None = None) -> None:
    """Facts of types that only tests know, so that their figures do not matter."""
    record(Fact(name, "things", subject_id or uuid4(), {"n": n}) for n, name in enumerate(types))


def all_fanned_out() -> None:
    while number_events():
        pass
    while fan_out():
        pass


def deliveries_to(endpoint: WebhookEndpoint, count: int = 1) -> list[WebhookDelivery]:
    """So many pending deliveries, due now, of events that have just happened."""
    happened(*["thing.happened"] * count)
    all_fanned_out()
    return list(endpoint.deliveries.order_by("-pk")[:count])[::-1]


def fresh(row: WebhookDelivery) -> WebhookDelivery:
    return WebhookDelivery.objects.get(pk=row.pk)


def make_due(deliveries: Iterable[WebhookDelivery] | None = None) -> None:
    """As if their time had come."""
    rows = WebhookDelivery.objects.filter(status="pending")
    if deliveries is not None:
        rows = rows.filter(pk__in=[row.pk for row in deliveries])
    rows.update(next_attempt_at=F("created_at"))


def seconds_until_next(row: WebhookDelivery) -> float:
    """By the database's clock."""
    planned = fresh(row).next_attempt_at
    assert planned
    return (planned - database_now()) / timedelta(seconds=1)
