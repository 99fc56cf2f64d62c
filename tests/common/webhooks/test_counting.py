"""What Prometheus is told of webhooks: what waits, and what became of each attempt."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from prometheus_client import REGISTRY

from common.observability import gauges
from common.webhooks.claiming import claim
from common.webhooks.models import WebhookDelivery, WebhookEndpoint
from common.webhooks.posting import Outcome
from common.webhooks.settling import Result, settle
from common.webhooks.waiting import waiting
from tests.common.webhooks.rows import an_endpoint, deliveries_to, make_due

pytestmark = pytest.mark.django_db


def count_waiting() -> float:
    (family,) = waiting()
    (sample,) = family.samples
    assert sample.name == "webhook_deliveries_waiting"
    return sample.value


def attempts() -> dict[str, float]:
    names = ("delivered", "failed", "given_up")
    values = {
        name: REGISTRY.get_sample_value("webhook_attempts_total", {"outcome": name})
        for name in names
    }
    return {name: value or 0.0 for name, value in values.items()}


def claimed() -> WebhookDelivery:
    make_due()
    (delivery,) = [*claim(most=1, each=1), *claim(most=1, each=1, pace="slow")]
    return delivery


def answered(delivery: WebhookDelivery, status: int) -> Result:
    return Result(delivery, Outcome(datetime.now(UTC), duration_ms=1, status_code=status))


def test_what_waits_for_active_endpoints_waits():
    assert count_waiting() == 0
    endpoint, other = an_endpoint(), an_endpoint(is_active=False)
    deliveries_to(endpoint, 3)
    WebhookEndpoint.objects.filter(pk=other.pk).update(is_active=True)
    deliveries_to(endpoint)
    assert count_waiting() == 5
    WebhookEndpoint.objects.filter(pk=other.pk).update(is_active=False)
    assert count_waiting() == 4
    WebhookDelivery.objects.update(status="delivered", next_attempt_at=None)
    assert count_waiting() == 0


def test_no_more_are_counted_than_can_be_told(monkeypatch):
    monkeypatch.setattr(gauges, "MOST_COUNTED", 2)
    deliveries_to(an_endpoint(), 3)
    assert count_waiting() == 2


@pytest.mark.usefixtures("commits_at_once")
def test_every_attempt_is_counted_by_what_it_came_to(settings):
    settings.WEBHOOK_RETRY_SECONDS = [0, 5]
    before = attempts()
    deliveries_to(an_endpoint())
    settle([answered(claimed(), 500)])
    assert attempts() == before | {"failed": before["failed"] + 1}
    settle([answered(claimed(), 500)])
    assert attempts()["given_up"] == before["given_up"] + 1
    deliveries_to(WebhookEndpoint.objects.get())
    settle([answered(claimed(), 204)])
    assert attempts() == {name: count + 1 for name, count in before.items()}


@pytest.mark.usefixtures("commits_at_once")
def test_an_answer_that_came_too_late_is_not_counted():
    deliveries_to(an_endpoint())
    zombie = claimed()
    other = claimed()
    before = attempts()
    settle([answered(zombie, 200)])
    assert attempts() == before
    settle([answered(other, 200)])
    assert attempts()["delivered"] == before["delivered"] + 1
