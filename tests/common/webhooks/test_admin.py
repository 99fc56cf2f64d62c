"""Webhooks in the back office: what staff see, and what they can do."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext

from common.database import database_now
from common.events.recording import Fact, record
from common.events.sequencing import number_events
from common.people.models import StaffSession
from common.webhooks.models import WebhookDelivery, WebhookEndpoint
from common.webhooks.operations import (
    change_endpoint,
    create_endpoint,
    delete_endpoint,
    send_test,
)
from tests.back_office import errors_on, page_of, send, staff, text_of, told

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

ENDPOINTS = "/admin/webhooks/webhookendpoint/"
DELIVERIES = "/admin/webhooks/webhookdelivery/"
FORM = "webhookendpoint_form"
URL = "https://example.com/hooks"
SECRET = re.compile(r"whsec_[\w+/]+=*")
ATTEMPTS = [
    {"at": "2026-11-22T12:00:00Z", "status_code": None, "error": "Time-out.", "duration_ms": 15},
    {"at": "2026-11-22T12:00:05Z", "status_code": 503, "error": None, "duration_ms": 7},
]


@pytest.fixture
def endpoint(db) -> WebhookEndpoint:
    return create_endpoint(url=URL, description="The shop", created_by="ada")


@pytest.fixture
def delivery(endpoint) -> WebhookDelivery:
    """One that has failed twice, and for good."""
    made = send_test(endpoint_id=endpoint.pk)
    made.status, made.next_attempt_at = "failed", None
    made.attempts, made.attempt_count = ATTEMPTS, 2
    made.save()
    number_events()
    return made


# Endpoints


def test_a_new_webhook_leads_to_its_secret_which_is_shown_this_once(admin_client):
    page = send(admin_client, f"{ENDPOINTS}add/", FORM, url=URL, event_types=["stock.low"])
    (shown,) = set(SECRET.findall(text_of(page)))
    endpoint = WebhookEndpoint.objects.get()
    assert (endpoint.secret, endpoint.event_types) == (shown, ["stock.low"])
    assert (endpoint.created_by, endpoint.is_active) == ("admin", True)
    assert "no-store" in page["Cache-Control"]


def test_a_secret_is_on_no_other_page_and_kept_nowhere_else(admin_client, endpoint):
    old = endpoint.secret
    page = text_of(admin_client.post(page_of(endpoint, "rotate")))
    endpoint.refresh_from_db()
    assert SECRET.findall(page) == [endpoint.secret]
    assert endpoint.previous_secret == old
    kept = [
        str(admin_client.cookies),
        str([row.get_decoded() for row in StaffSession.objects.all()]),
        str(list(LogEntry.objects.values())),
        *(
            text_of(admin_client.get(address))
            for address in (ENDPOINTS, page_of(endpoint), page_of(endpoint, "history"))
        ),
    ]
    assert LogEntry.objects.exists()
    assert not any(secret in one for secret in (old, endpoint.secret) for one in kept)


def test_a_rotation_asks_first_and_says_for_how_long_both_sign(admin_client, endpoint):
    assert "24 hours more" in text_of(admin_client.get(page_of(endpoint, "rotate")))
    assert WebhookEndpoint.objects.get().version == 1
    admin_client.post(page_of(endpoint, "rotate"))
    assert "The old secret signs too until" in text_of(admin_client.get(page_of(endpoint)))


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("https://10.0.0.1/", "This address is not on the public internet."),
        ("http://example.com/", "Use an https URL."),
        ("", "This field is required."),
    ],
)
def test_a_refusal_is_a_sentence_at_the_field(admin_client, settings, endpoint, url, sentence):
    settings.WEBHOOK_ALLOW_PRIVATE = False
    for address in (f"{ENDPOINTS}add/", page_of(endpoint)):
        page = send(admin_client, address, FORM, url=url)
        assert errors_on(page) == {"url": [sentence]}
    assert WebhookEndpoint.objects.get().url == URL


def test_a_change_is_made_by_the_operation(admin_client, endpoint):
    send(admin_client, page_of(endpoint), FORM, description="The till", event_types=["stock.out"])
    endpoint.refresh_from_db()
    assert (endpoint.description, endpoint.event_types) == ("The till", ["stock.out"])
    assert endpoint.version == 2


def test_what_a_colleague_has_changed_meanwhile_is_not_overwritten(admin_client, endpoint):
    page = admin_client.get(page_of(endpoint))
    change_endpoint(endpoint_id=endpoint.pk, changes={"description": "The till"})
    entered = {"url": f"{URL}/2", "description": "The shop", "is_active": "on", "seen_version": "1"}
    assert 'name="seen_version" value="1"' in text_of(page)
    answer = admin_client.post(page_of(endpoint), entered)
    assert "Somebody has changed it" in str(errors_on(answer))
    assert WebhookEndpoint.objects.get().url == URL


def test_deleting_says_what_it_means_and_is_done_by_the_operation(admin_client, endpoint):
    assert "switch it off instead" in text_of(admin_client.get(page_of(endpoint, "delete")))
    admin_client.post(page_of(endpoint, "delete"), {"post": "yes"}, follow=True)
    assert WebhookEndpoint.objects.get().deleted_at is not None
    assert URL not in text_of(admin_client.get(ENDPOINTS))
    assert admin_client.get(page_of(endpoint)).status_code == 302


def test_the_list_says_how_each_webhook_stands(admin_client, endpoint, delivery):
    off, failing, disabled = (
        create_endpoint(url=f"{URL}/{name}", created_by="ada")
        for name in ("off", "failing", "disabled")
    )
    change_endpoint(endpoint_id=off.pk, changes={"is_active": False})
    rows = WebhookEndpoint.objects
    rows.filter(pk=failing.pk).update(failing_since=database_now())
    reason = "It answered 410 Gone."
    rows.filter(pk=disabled.pk).update(is_active=False, disabled_reason=reason)
    page = text_of(admin_client.get(ENDPOINTS))
    for word in ("Active", "Off", "Failing", "Disabled", reason, "none yet", "All events"):
        assert word in page
    assert re.search(r">Failed<", page)  # the last delivery of the first


def test_types_are_told_in_short(admin_client):
    types = ["stock.low", "stock.out", "stock.back"]
    create_endpoint(url=URL, event_types=types, created_by="ada")
    assert "stock.back, stock.low and 1 more" in text_of(admin_client.get(ENDPOINTS))


# What can be done with one


def test_a_test_leads_to_its_delivery(admin_client, endpoint):
    page = admin_client.post(page_of(endpoint, "test"), follow=True)
    delivery = WebhookDelivery.objects.get()
    assert page.request["PATH_INFO"] == page_of(delivery)
    assert "A test is on its way" in told(page)[0]
    assert "endpoint.test" in text_of(page)
    assert "None yet" in text_of(page)


def test_looking_at_the_address_of_a_test_sends_none(admin_client, endpoint):
    assert admin_client.get(page_of(endpoint, "test")).status_code == 302
    assert not WebhookDelivery.objects.exists()


def test_events_are_sent_again_by_their_numbers(admin_client, endpoint):
    record([Fact("a.test", "things", uuid4()) for _ in range(5)])
    number_events()
    page = page_of(endpoint, "replay")
    assert "The newest event has the number 5." in text_of(admin_client.get(page))
    answer = send(admin_client, page, "replay-form", first_sequence="2", last_sequence="4")
    assert told(answer) == ["Events that are sent again: 3."]
    assert WebhookDelivery.objects.count() == 3


@pytest.mark.parametrize(
    ("first", "last", "field"),
    [("5", "4", "last_sequence"), ("1", "100001", "last_sequence"), ("0", "4", "first_sequence")],
)
def test_a_stretch_that_cannot_be_is_refused_on_the_form(
    admin_client, endpoint, first, last, field
):
    entered = {"first_sequence": first, "last_sequence": last}
    page = send(admin_client, page_of(endpoint, "replay"), "replay-form", **entered)
    assert errors_on(page).keys() == {field}


def test_an_inactive_webhook_offers_no_test_and_refuses_one_in_a_sentence(admin_client, endpoint):
    change_endpoint(endpoint_id=endpoint.pk, changes={"is_active": False})
    assert "Send a test</button>" not in text_of(admin_client.get(page_of(endpoint)))
    answer = admin_client.post(page_of(endpoint, "test"), follow=True)
    assert told(answer) == ["The endpoint is switched off; switch it on first."]
    entered = {"first_sequence": "1", "last_sequence": "1"}
    page = send(admin_client, page_of(endpoint, "replay"), "replay-form", **entered)
    assert errors_on(page) == {"__all__": ["The endpoint is switched off; switch it on first."]}


# Deliveries


def test_a_delivery_shows_every_attempt_with_its_answer_and_how_long_it_took(
    admin_client, delivery
):
    page = text_of(admin_client.get(page_of(delivery)))
    for word in ("Failed", "No answer", "Time-out.", "15 ms", "503", "7 ms", "Send again"):
        assert word in page
    assert page.index("7 ms") < page.index("15 ms")
    assert 'name="_save"' not in page


def test_deliveries_are_found_by_webhook_status_and_event(admin_client, endpoint, delivery):
    other = create_endpoint(url=f"{URL}/2", created_by="ada")
    send_test(endpoint_id=other.pk)

    def rows(query):
        return text_of(admin_client.get(f"{DELIVERIES}?{query}")).count('class="data-row')

    assert rows("") == 2
    assert rows(f"endpoint__id__exact={endpoint.pk}") == 1
    assert rows("status__exact=failed") == 1
    assert rows("status__exact=delivered") == 0
    assert rows(f"q={delivery.event_id}") == 1
    assert rows("q=nonsense") == 0
    delete_endpoint(endpoint_id=other.pk)
    assert rows("") == 1


def test_a_delivery_is_sent_again(admin_client, delivery):
    address = page_of(delivery, "send_again")
    assert admin_client.get(address).status_code == 302
    assert WebhookDelivery.objects.get().status == "failed"
    answer = admin_client.post(address, follow=True)
    assert "It is sent again" in told(answer)[0]
    assert WebhookDelivery.objects.get().status == "pending"


def test_selected_deliveries_are_sent_again_and_refusals_are_told(admin_client, delivery):
    off = create_endpoint(url=f"{URL}/2", created_by="ada")
    refused = [send_test(endpoint_id=off.pk) for _ in range(2)]
    change_endpoint(endpoint_id=off.pk, changes={"is_active": False})
    marked = [delivery.pk, *(one.pk for one in refused)]
    form = {"action": "send_again", "_selected_action": marked}
    answer = admin_client.post(DELIVERIES, form, follow=True)
    assert told(answer) == [
        "1 webhook delivery sent again.",
        "2 were not sent: The endpoint is switched off; switch it on first.",
    ]
    delivery.refresh_from_db()
    assert (delivery.status, delivery.version) == ("pending", 2)


def test_too_many_at_once_are_refused_with_advice(admin_client, delivery, monkeypatch):
    monkeypatch.setattr("common.webhooks.admin.deliveries.MOST_AT_ONCE", 0)
    form = {"action": "send_again", "_selected_action": [delivery.pk]}
    answer = admin_client.post(DELIVERIES, form, follow=True)
    assert "nothing was sent" in told(answer)[0]
    assert WebhookDelivery.objects.get().status == "failed"


# All pages


def test_empty_lists_say_what_to_do_next(admin_client):
    assert "Add the address of a program" in text_of(admin_client.get(ENDPOINTS))
    assert "Add a webhook first" in text_of(admin_client.get(DELIVERIES))


@pytest.mark.parametrize("address", [ENDPOINTS, DELIVERIES])
def test_a_list_takes_as_many_queries_for_one_row_as_for_many(admin_client, address):
    def more(count):
        for _ in range(count):
            endpoint = create_endpoint(url=URL, created_by="ada")
            send_test(endpoint_id=endpoint.pk)

    def queries():
        with CaptureQueriesContext(connection) as sent:
            text_of(admin_client.get(address))
        return len(sent)

    more(1)
    admin_client.get(address)
    one = queries()
    more(5)
    assert queries() == one


def test_who_may_only_look_can_do_nothing(endpoint, delivery):
    clerk = staff("view_webhookendpoint", "view_webhookdelivery")
    page = text_of(clerk.get(page_of(endpoint)))
    for button in ("Send a test</button>", "Rotate the secret</a>", 'name="_save"'):
        assert button not in page
    assert "Send again</button>" not in text_of(clerk.get(page_of(delivery)))
    for action in ("test", "rotate", "replay"):
        assert clerk.post(page_of(endpoint, action)).status_code == 403
    assert clerk.post(page_of(delivery, "send_again")).status_code == 403
    form = {"action": "send_again", "_selected_action": [delivery.pk]}
    clerk.post(DELIVERIES, form)
    assert WebhookDelivery.objects.get().status == "failed"


def test_who_may_change_webhooks_may_also_send_again(endpoint, delivery):
    clerk = staff("change_webhookendpoint", "view_webhookdelivery")
    assert "Send a test</button>" in text_of(clerk.get(page_of(endpoint)))
    clerk.post(page_of(delivery, "send_again"))
    assert WebhookDelivery.objects.get().status == "pending"
