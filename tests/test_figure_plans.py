"""What Prometheus asks costs next to nothing, however many rows there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from django.db import connection, transaction

from common.events import lag
from common.events.models import Event, Reader
from common.events.reading import BROKER, WEBHOOKS
from common.events.sequencing import number_events
from common.observability import gauges
from common.webhooks.models import WebhookEndpoint
from inventory.operations import note_check
from tests.plans import plans_of

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.slow, pytest.mark.django_db, pytest.mark.usefixtures("many_rows")]

ROWS: Final = 20_000
COUNTED: Final = 500
"""So far is counted in these tests; each figure is of more."""
MOST_READ: Final = 3 * (COUNTED + 1) + 100

MANY: Final = """
SET LOCAL statement_timeout = 0;
INSERT INTO events_event (id, type, subject_type, subject_id, data, request_id, actor, sequence)
SELECT gen_random_uuid(), 'stock.changed', 'inventory', 'x', '{}', 'request', 'x',
    CASE WHEN n <= %(rows)s / 2 THEN n END
FROM generate_series(1, %(rows)s) AS n;
INSERT INTO events_sequencer (id, last) VALUES (1, %(rows)s / 2)
    ON CONFLICT (id) DO UPDATE SET last = excluded.last;
INSERT INTO webhooks_webhookdelivery (id, endpoint_id, event_id, status, attempt_count, attempts,
    version, next_attempt_at)
SELECT gen_random_uuid(), %(endpoint)s, id, CASE sequence %% 3 WHEN 0 THEN 'pending'
    WHEN 1 THEN 'failed' ELSE 'delivered' END, 1, '[]', 1,
    CASE sequence %% 3 WHEN 0 THEN now() + interval '1 hour' END
FROM events_event WHERE sequence IS NOT NULL;
INSERT INTO inventory_reservation (id, order_reference, status, allow_incoming, expires_at, actor,
    request_id, version, created_at, updated_at)
SELECT gen_random_uuid(), 'SO-' || n, (ARRAY['released', 'active', 'confirmed', 'shipped'])
    [1 + n * 4 / (%(rows)s + 1)], false,
    CASE n * 4 / (%(rows)s + 1) WHEN 1 THEN now() - interval '1 hour' END, 'x', 'x', 1, now(), now()
FROM generate_series(1, %(rows)s) AS n;
ANALYZE events_event, webhooks_webhookdelivery, inventory_reservation;
"""


@pytest.fixture
def many_rows(db, settings, monkeypatch) -> None:
    """Of each kind so many as are not counted any more; those that count stand at the end."""
    number_events()
    Event.objects.all().delete()
    endpoint = WebhookEndpoint.objects.create(url="https://x.example", secret="whsec_x")
    with connection.cursor() as cursor:
        for statement in MANY.split(";\n"):
            if statement.strip():
                cursor.execute(statement, {"rows": ROWS, "endpoint": endpoint.pk})
    Reader.objects.create(name=BROKER, sequence=10)
    Reader.objects.create(name=WEBHOOKS, sequence=ROWS // 2 - 10)
    note_check(differences=0)
    settings.EVENTS_BROKER_URL = "amqp://rabbitmq"
    for module in (gauges, lag):
        monkeypatch.setattr(module, "MOST_COUNTED", COUNTED)


def read() -> dict[str, float]:
    """Every figure, by its name and its label."""
    return {
        ":".join((sample.name, *sample.labels.values())): sample.value
        for figures in gauges.of_the_database
        for family in figures()
        for sample in family.samples
    }


def excesses() -> Iterator[str]:
    for figures in gauges.of_the_database:
        for plan in plans_of(lambda: list(figures())):  # noqa: B023 - used at once
            if plan.read_from_end_to_end or plan.rows_read > MOST_READ or plan.rows_sorted:
                yield f"reads {plan.rows_read}, sorts {plan.rows_sorted}: {plan.sql}"


def test_no_figure_reads_more_where_there_are_many_and_all_are_about_right():
    found = list(excesses())
    assert found == [], "\n".join(found)
    expected: dict[str, Any] = {
        "outbox_events:unnumbered": ROWS / 2,
        "outbox_events:unpublished": ROWS / 2 - 10,
        "outbox_events:undelivered": 10,
        "webhook_deliveries_waiting": COUNTED,
        "reservations:active": pytest.approx(ROWS / 4, rel=0.1),
        "reservations:confirmed": pytest.approx(ROWS / 4, rel=0.1),
        "reservations_overdue": COUNTED,
        "ledger_differences": 0,
    }
    found = read()
    assert {name: found[name] for name in expected} == expected


def test_without_its_index_each_one_is_found_out():
    """Negative control: otherwise the test above would prove nothing."""
    for index in (
        "event_unnumbered",
        "event_sequence_unique",
        "webhook_delivery_due",
        "reservation_by_status",
    ):
        savepoint = transaction.savepoint()
        with connection.cursor() as cursor:
            cursor.execute(f"DROP INDEX {index}")
        assert list(excesses()), index
        transaction.savepoint_rollback(savepoint)
