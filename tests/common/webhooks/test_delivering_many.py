"""Ten thousand deliveries to a receiver that fails a third of the time (RULES E5)."""

from __future__ import annotations

import json
import random
from collections import Counter
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest

from common.webhooks.delivering import Deliverer
from common.webhooks.models import WebhookDelivery
from tests.common.webhooks.rows import all_fanned_out, an_endpoint, happened
from tests.common.webhooks.sinks import sink
from tests.waiting import wait_until

if TYPE_CHECKING:
    from tests.common.webhooks.sinks import Received

COUNT = 10_000
TIMEOUT = 240.0


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_ten_thousand_deliveries_all_arrive_though_every_third_attempt_fails(settings):
    settings.WEBHOOK_RETRY_SECONDS = [0] * 40
    fate = random.Random(7)  # noqa: S311 - the same failures in every run

    def answer(_: Received) -> int:
        return 500 if fate.random() < 1 / 3 else 200

    with sink(answer) as receiver:
        endpoint = an_endpoint(receiver.url)
        happened(*["thing.happened"] * COUNT)
        all_fanned_out()
        deliver_all()
        assert all(one.is_signed_with(endpoint.secret) for one in receiver.received)
    sent = {json.loads(one.body)["sequence"]: one.id for one in receiver.received}
    assert [int(sequence) for sequence in sorted(sent)] == list(range(1, COUNT + 1))
    assert set(sent.values()) == set(receiver.ids)  # what came again came under the same id
    times = Counter(receiver.ids)
    attempts = WebhookDelivery.objects.values_list("event_id", "attempt_count")
    assert {str(event_id): count for event_id, count in attempts} == times


def deliver_all() -> None:
    """Until no delivery is pending any more."""
    stop = Event()
    relay = Thread(target=Deliverer().run, args=[stop])
    relay.start()
    try:
        wait_until(lambda: not WebhookDelivery.objects.filter(status="pending").exists(), TIMEOUT)
    finally:
        stop.set()
        relay.join()
    assert set(WebhookDelivery.objects.values_list("status", flat=True)) == {"delivered"}
