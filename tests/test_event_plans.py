"""How PostgreSQL carries out what is asked of events, deliveries and promises, where they are many.

As ``test_plans``, on rows that are only there to be many. The relay asks the same five times a
second: what it asks where there is nothing to do must cost next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import pytest
from django.db import connection

from common.api import pagination
from common.events.models import Event, Reader
from common.events.reading import BROKER, has_unread
from common.events.sequencing import number_events
from common.events.sweeping import sweep_events
from common.webhooks.claiming import claim
from common.webhooks.models import WebhookDelivery, WebhookEndpoint
from inventory.models import Batch
from tests.factories import StockLevelFactory
from tests.plans import plans_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.slow, pytest.mark.django_db, pytest.mark.usefixtures("many_rows")]

ROWS: Final = 60_000
MOST_READ: Final = 12_000
"""A total is exact up to 10 000; the rest of a request reads little more than it shows."""
MOST_OF_THE_RELAY: Final = 50

MANY: Final = """
INSERT INTO events_event (id, type, subject_type, subject_id, data, request_id, actor, sequence)
SELECT gen_random_uuid(), (ARRAY['stock.changed', 'batch.changed', 'stock.low'])[1 + n % 3],
    'inventory', md5((n % 5000)::text)::uuid::text, '{}', 'request-' || n, 'x', n
FROM generate_series(1, %(rows)s) AS n;
UPDATE events_sequencer SET last = %(rows)s;
INSERT INTO webhooks_webhookdelivery (id, endpoint_id, event_id, status, attempt_count, attempts,
    version, next_attempt_at)
SELECT gen_random_uuid(), %(endpoint)s, id, CASE sequence %% 3 WHEN 0 THEN 'pending'
    WHEN 1 THEN 'failed' ELSE 'delivered' END, 1, '[]', 1,
    CASE sequence %% 3 WHEN 0 THEN now() + interval '1 hour' END
FROM events_event WHERE sequence IS NOT NULL;
INSERT INTO inventory_batch (id, reference, quantity, received_quantity, allocated, eta, status,
    version, created_at, updated_at, product_id, location_id)
SELECT gen_random_uuid(), 'PO-' || n, 5, 0, 0, current_date + n %% 400,
    (ARRAY['incoming', 'cancelled'])[1 + n %% 2], 1, now(), now(), %(product)s, %(location)s
FROM generate_series(1, %(rows)s) AS n;
INSERT INTO inventory_reservation (id, order_reference, status, allow_incoming, expires_at, actor,
    request_id, version, created_at, updated_at)
SELECT gen_random_uuid(), 'SO-' || n, (ARRAY['released', 'shipped', 'expired'])[1 + n %% 3],
    false, NULL, 'x', 'x', 1, now(), now()
FROM generate_series(1, %(rows)s) AS n;
ANALYZE events_event, webhooks_webhookdelivery, inventory_batch, inventory_reservation;
"""


RELAY: Final[dict[str, Callable[[], object]]] = {
    "event_unnumbered": number_events,
    "event_sequence_unique": lambda: has_unread(BROKER),
    "webhook_delivery_due": lambda: claim(most=20, each=5),
    "sweeping": lambda: sweep_events(limit=10),
}
"""What it asks, by the index that answers."""


@pytest.fixture
def many_rows(db) -> None:
    level = StockLevelFactory(on_hand=1)
    number_events()
    Event.objects.all().delete()
    endpoint = WebhookEndpoint.objects.create(url="https://x.example", secret="whsec_x")
    given: dict[str, Any] = {"rows": ROWS, "endpoint": endpoint.pk}
    given |= {"product": level.product_id, "location": level.location_id}
    with connection.cursor() as cursor:
        for statement in MANY.replace("n % ", "n %% ").split(";\n"):
            if statement.strip():
                cursor.execute(statement, given)
    Reader.objects.create(name=BROKER, sequence=ROWS)


def addresses() -> dict[str, tuple[str, dict[str, Any]]]:
    event = Event.objects.get(sequence=ROWS // 2)
    delivery = WebhookDelivery.objects.order_by("pk")[ROWS // 2]
    batch = Batch.objects.order_by("pk")[ROWS // 2]
    feed, deliveries, batches = "/api/v1/events", "/api/v1/webhook-deliveries", "/api/v1/batches"
    reservations = "/api/v1/reservations"
    deep = {"page[after]": pagination._cursor(event, ("sequence", "pk"))}
    return {
        "the feed": (feed, {}),
        "the feed, from the middle": (feed, deep),
        "the feed of a type": (feed, {"filter[type]": "stock.low", **deep}),
        "the feed of a type that is rare": (feed, {"filter[type]": "endpoint.test"}),
        "the feed of a subject": (feed, {"filter[subject]": f"inventory/{event.subject_id}"}),
        "deliveries": (deliveries, {}),
        "deliveries from the middle": (
            deliveries,
            {"page[after]": pagination._cursor(delivery, ("-pk",))},
        ),
        "deliveries of an endpoint": (deliveries, {"filter[endpoint]": delivery.endpoint_id}),
        "deliveries that failed": (deliveries, {"filter[status]": "failed"}),
        "deliveries of an event": (deliveries, {"filter[event]": event.pk}),
        "batches": (batches, {}),
        "batches by ETA": (batches, {"sort": "eta"}),
        "batches, newest": (batches, {"sort": "-created_at"}),
        "batches from the middle": (batches, {"page[after]": pagination._cursor(batch, ("pk",))}),
        "batches that are incoming": (batches, {"filter[status]": "incoming"}),
        "a batch by reference": (batches, {"filter[reference]": "PO-77"}),
        "reservations": (reservations, {}),
        "reservations, newest": (reservations, {"sort": "-created_at"}),
        "reservations by expiry": (reservations, {"sort": "expires_at"}),
        "reservations that are open": (reservations, {"filter[status]": "active"}),
        "a reservation by order": (reservations, {"filter[order_reference]": "SO-77"}),
        "admin, events": ("/admin/events/event/", {}),
        "admin, events of a type": ("/admin/events/event/", {"type__exact": "stock.low"}),
        "admin, deliveries": ("/admin/webhooks/webhookdelivery/", {}),
        "admin, failed deliveries": (
            "/admin/webhooks/webhookdelivery/",
            {"status__exact": "failed"},
        ),
    }


def excesses(name: str, ask: Callable[[], object], most: int = MOST_READ) -> Iterator[str]:
    for plan in plans_of(ask):
        for table in plan.read_from_end_to_end:
            yield f"{name}: reads all of {table}: {plan.sql}"
        if plan.rows_read > most or plan.rows_sorted > most:
            yield f"{name}: reads {plan.rows_read}, sorts {plan.rows_sorted}: {plan.sql}"


def test_no_list_costs_more_where_there_are_many(client, admin_client):
    found = []
    for name, (path, query) in addresses().items():
        asker = admin_client if path.startswith("/admin/") else client
        address = f"{path}?{urlencode(query)}" if query else path
        assert asker.get(address).status_code == 200, name
        found += excesses(name, lambda: asker.get(address))  # noqa: B023 - used at once
    assert found == [], "\n".join(found)


def test_what_the_relay_asks_where_there_is_nothing_to_do_costs_next_to_nothing():
    """And without its index each one is found out: otherwise this would prove nothing."""
    found = [line for ask in RELAY.values() for line in excesses("relay", ask, MOST_OF_THE_RELAY)]
    assert found == [], "\n".join(found)
    for index in ("event_unnumbered", "webhook_delivery_due"):
        with connection.cursor() as cursor:
            cursor.execute(f"DROP INDEX {index}")
        assert list(excesses("relay", RELAY[index], MOST_OF_THE_RELAY)), index
