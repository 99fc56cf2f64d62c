"""Each delivery is in one process's hand at a time, and every endpoint gets its turn."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from django.db import connection

from common.database import database_now
from common.events.models import Event
from common.events.sequencing import number_events
from common.webhooks import claiming
from common.webhooks.claiming import LEASE, Pace, claim
from common.webhooks.models import WebhookDelivery, WebhookEndpoint
from tests.common.webhooks.rows import (
    an_endpoint,
    deliveries_to,
    fresh,
    happened,
    make_due,
    seconds_until_next,
)
from tests.racing import race

pytestmark = pytest.mark.django_db

ALL: dict[str, Any] = {"most": 1_000, "each": 1_000}


def test_what_is_due_is_claimed_in_its_order_and_only_once():
    endpoint = an_endpoint()
    deliveries = deliveries_to(endpoint, 5)
    assert [row.pk for row in claim(most=3, each=9)] == [row.pk for row in deliveries[:3]]
    assert [row.pk for row in claim(**ALL)] == [row.pk for row in deliveries[3:]]
    assert claim(**ALL) == []


def test_a_claim_comes_due_again_by_itself():
    (delivery,) = deliveries_to(an_endpoint())
    (claimed,) = claim(**ALL)
    assert LEASE - 10 < seconds_until_next(delivery) <= LEASE
    assert claimed.next_attempt_at == fresh(delivery).next_attempt_at
    assert (fresh(delivery).attempt_count, fresh(delivery).version) == (0, 1)
    make_due()
    assert claim(**ALL) == [delivery]


def test_a_claim_brings_all_that_is_needed_to_send_it(django_assert_num_queries):
    endpoint = an_endpoint()
    deliveries_to(endpoint, 20)
    with django_assert_num_queries(2):
        claimed = claim(**ALL)
    with django_assert_num_queries(0):
        assert {(row.endpoint.url, row.event.type) for row in claimed} == {
            (endpoint.url, "thing.happened")
        }


@pytest.mark.parametrize("kind", ["later", "delivered", "failed", "off", "deleted", "unnumbered"])
def test_nothing_else_is_claimed(kind):
    endpoint = an_endpoint()
    deliveries_to(endpoint)
    rows, endpoints = WebhookDelivery.objects.all(), WebhookEndpoint.objects.all()
    if kind == "later":
        claim(**ALL)
    elif kind in {"delivered", "failed"}:
        rows.update(status=kind, next_attempt_at=None)
    elif kind == "off":
        endpoints.update(is_active=False)
    elif kind == "deleted":
        endpoints.update(deleted_at=database_now())
    else:
        Event.objects.update(sequence=None)
    assert claim(**ALL) == []


def test_a_test_waits_until_its_event_has_a_sequence():
    endpoint = an_endpoint()
    happened("endpoint.tried")
    delivery = WebhookDelivery.objects.create(endpoint=endpoint, event=Event.objects.get())
    assert claim(**ALL) == []
    number_events()
    assert claim(**ALL) == [delivery]


def test_no_endpoint_gets_more_than_its_share():
    crowd, other = an_endpoint(), an_endpoint()
    deliveries_to(crowd, 50)
    few = other.deliveries.values_list("pk", flat=True)[:3]
    other.deliveries.exclude(pk__in=list(few)).delete()
    assert Counter(row.endpoint_id for row in claim(most=100, each=5)) == {crowd.pk: 5, other.pk: 3}


def test_where_there_is_not_room_for_all_each_endpoint_gets_its_turn():
    endpoints = [an_endpoint() for _ in range(4)]
    deliveries_to(endpoints[0], 40)
    turns = Counter(row.endpoint_id for _ in range(40) for row in claim(most=2, each=2))
    assert set(turns) == {endpoint.pk for endpoint in endpoints}


def test_nothing_is_claimed_for_a_busy_endpoint():
    busy, other = an_endpoint(), an_endpoint()
    deliveries_to(busy, 3)
    assert {row.endpoint_id for row in claim(**ALL, busy=[busy.pk])} == {other.pk}


def test_the_quick_the_new_and_the_slow_are_claimed_apart():
    """One that fails counts as slow until it is known to fail quickly."""
    since = database_now()
    new, quick, slow = an_endpoint(), an_endpoint(), an_endpoint()
    failing, failing_quickly = an_endpoint(failing_since=since), an_endpoint(failing_since=since)
    deliveries_to(new)
    known = {"quick": [quick.pk, failing_quickly.pk, slow.pk], "slow": [slow.pk]}

    def claimed(pace: Pace) -> set[object]:
        make_due()
        return {row.endpoint_id for row in claim(**ALL, **known, pace=pace)}

    assert claimed("new") == {new.pk}
    assert claimed("quick") == {quick.pk, failing_quickly.pk}
    assert claimed("slow") == {failing.pk, slow.pk}


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_two_that_claim_at_once_share_the_work():
    deliveries = deliveries_to(an_endpoint(), 60)

    def work(_: int) -> list[object]:
        mine: list[object] = []
        while claimed := claim(most=3, each=3):
            mine += [row.pk for row in claimed]
        return mine

    outcomes = race(work, 4)
    claims = Counter(pk for mine in outcomes for pk in mine)
    assert claims == dict.fromkeys([row.pk for row in deliveries], 1)


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_without_the_lock_they_would_take_the_same(monkeypatch):
    """Negative control: the statement in two steps, as it would be without SKIP LOCKED."""
    deliveries_to(an_endpoint(), 1)
    without = claiming.CLAIM.replace("FOR NO KEY UPDATE SKIP LOCKED", "")
    slowly = without.replace("FROM due WHERE", "FROM due, pg_sleep(0.3) WHERE")
    assert slowly != without != claiming.CLAIM
    monkeypatch.setattr(claiming, "CLAIM", slowly)
    outcomes = race(lambda _: len(claim(**ALL)), 3)
    assert sum(outcomes) > 1


@pytest.mark.slow
def test_a_crowd_of_waiting_deliveries_does_not_slow_it_down():
    """Of 20 000 due deliveries of one endpoint, the index gives the first few."""
    endpoint = an_endpoint()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO events_event (id, type, subject_type, subject_id, data, request_id, actor,"
            " sequence) SELECT gen_random_uuid(), 'a', 'things', '1', '{}', '', '', 10 + n"
            " FROM generate_series(1, 20000) n"
        )
        cursor.execute(
            "INSERT INTO webhooks_webhookdelivery"
            " (id, endpoint_id, event_id, status, attempt_count, attempts, version)"
            " SELECT gen_random_uuid(), %s, id, 'pending', 0, '[]', 1 FROM events_event"
            " WHERE sequence > 10",
            [endpoint.pk],
        )
        cursor.execute("ANALYZE webhooks_webhookdelivery, events_event")
        given = {"most": 64, "each": 16, "lease": 60, "pace": "new"}
        given |= {"quick": [], "slow": [], "busy": []}
        cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + claiming.CLAIM, given)
        (plan,) = cursor.fetchone()
    assert rows_read(plan[0]["Plan"]) < 1_000


def rows_read(plan: dict) -> int:
    """By all scans of a plan, those that a filter dropped included."""
    dropped = plan.get("Rows Removed by Filter", 0)
    own = (
        (plan["Actual Rows"] + dropped) * plan["Actual Loops"] if "Scan" in plan["Node Type"] else 0
    )
    return own + sum(rows_read(part) for part in plan.get("Plans", []))
