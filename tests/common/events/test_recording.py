"""Facts are recorded in the transaction that makes them true, or not at all."""

from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from common.database import in_transaction
from common.events.models import Event
from common.events.recording import Fact, record
from common.observability.context import acting_as

FACT = Fact("stock.tested", "inventory", uuid4(), {"before": 3, "after": 1, "more": {"a": 1}})


@in_transaction
def recorded(*facts: Fact, then: Exception | None = None) -> None:
    record(facts)
    if then:
        raise then


@pytest.mark.django_db
def test_an_event_says_what_happened_to_what_and_who_caused_it():
    with acting_as("shop", "request-7"):
        recorded(Fact(FACT.type, FACT.subject_type, FACT.subject_id, FACT.data))
    event = Event.objects.get()
    assert (event.type, event.subject_type) == ("stock.tested", "inventory")
    assert event.subject_id == str(FACT.subject_id)
    assert event.data == FACT.data
    assert (event.actor, event.request_id) == ("shop", "request-7")
    assert event.sequence is None


@pytest.mark.django_db
def test_many_events_cost_one_statement(django_assert_num_queries):
    with django_assert_num_queries(1):
        recorded(FACT, FACT, FACT)
    assert Event.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_an_event_outside_a_transaction_is_a_mistake_of_ours():
    with pytest.raises(RuntimeError, match="transaction"):
        record([FACT])


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_leaves_no_event_and_no_line():
    with capture_logs() as lines, pytest.raises(ValueError, match="no"):
        recorded(FACT, then=ValueError("no"))
    assert not Event.objects.exists()
    assert not lines


@pytest.mark.django_db(transaction=True)
def test_what_is_committed_is_a_line_in_the_log_with_its_figures():
    with capture_logs() as lines:
        recorded(FACT)
    (line,) = lines
    assert line["event"] == "stock.tested"
    assert line["subject"] == f"inventory/{FACT.subject_id}"
    assert (line["before"], line["after"]) == (3, 1)
    assert "more" not in line
