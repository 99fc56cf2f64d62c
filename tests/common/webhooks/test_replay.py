"""``replay_webhooks``: the operator's way to send a stretch of the feed once more."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from common.events.models import Event
from common.events.recording import Fact, record
from common.events.sequencing import number_events
from common.webhooks.models import WebhookDelivery, WebhookEndpoint
from common.webhooks.operations import change_endpoint, create_endpoint, replay
from common.webhooks.operations.sending_again import APART

pytestmark = pytest.mark.django_db

MANY = 12_000


@pytest.fixture
def endpoint(db) -> WebhookEndpoint:
    return create_endpoint(url="https://example.com/", created_by="ada")


def happen(times: int) -> None:
    record([Fact("a.test", "things", uuid4()) for _ in range(times)])
    while number_events():
        pass


def test_it_says_how_many_events_are_sent_again(endpoint, capsys):
    happen(5)
    call_command("replay_webhooks", str(endpoint.pk), "--from", "2", "--to", "4")
    assert capsys.readouterr().out == "Events that are sent again: 3.\n"
    sent = Event.objects.filter(deliveries__endpoint=endpoint)
    assert {event.sequence for event in sent} == {2, 3, 4}


def test_what_happens_meanwhile_need_not_wait_for_all_of_them(endpoint):
    """They come due one after the other, also those that had been sent before."""
    happen(3)
    for _ in range(2):
        assert replay(endpoint_id=endpoint.pk, first_sequence=1, last_sequence=3) == 3
        rows = WebhookDelivery.objects.order_by("event__sequence")
        due = [at for at in rows.values_list("next_attempt_at", flat=True) if at is not None]
        assert due[1] - due[0] >= APART
        assert due[2] - due[1] >= APART


def test_what_is_refused_ends_with_the_reason(endpoint):
    def refused(endpoint_id, first, last):
        with pytest.raises(CommandError) as error:
            call_command("replay_webhooks", str(endpoint_id), "--from", first, "--to", last)
        return str(error.value)

    assert "no such webhook endpoint" in refused(uuid4(), "1", "2")
    assert "must not come before the first" in refused(endpoint.pk, "2", "1")
    assert "At most 100000" in refused(endpoint.pk, "1", "100001")
    assert "UUID" in refused("shop", "1", "2")
    change_endpoint(endpoint_id=endpoint.pk, changes={"is_active": False})
    assert "switch it on first" in refused(endpoint.pk, "1", "2")


@pytest.mark.slow
def test_many_are_sent_again_by_few_statements(endpoint, django_assert_max_num_queries):
    """New ones and those that were sent already; both take well under statement_timeout."""
    happen(MANY)
    for times in (1, 2):
        with django_assert_max_num_queries(6):  # transaction, lock, events, two statements
            sent = replay(endpoint_id=endpoint.pk, first_sequence=1, last_sequence=100_000)
        assert sent == MANY
        versions = WebhookDelivery.objects.values_list("version", flat=True).distinct()
        assert list(versions) == [times]
