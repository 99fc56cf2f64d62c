"""The API of webhooks: endpoints, their secrets, and what they were sent."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from common.events.sequencing import number_events
from common.webhooks.models import WebhookDelivery, WebhookEndpoint
from common.webhooks.operations import (
    change_endpoint,
    create_endpoint,
    delete_endpoint,
    send_test,
)
from tests.api_client import JSON
from tests.factories import StockLevelFactory

pytestmark = pytest.mark.django_db

ENDPOINTS = "/api/v1/webhook-endpoints"
DELIVERIES = "/api/v1/webhook-deliveries"
URL = "https://example.com/hooks"


@pytest.fixture
def endpoint(db) -> WebhookEndpoint:
    return create_endpoint(url=URL, created_by="ada")


@pytest.fixture
def here(endpoint) -> str:
    return f"{ENDPOINTS}/{endpoint.pk}"


def attributes(answer) -> dict:
    return answer.json()["data"]["attributes"]


def refusals(answer) -> list[tuple]:
    return [(one["code"], one.get("source", {}).get("pointer")) for one in answer.json()["errors"]]


# Endpoints


def test_an_endpoint_is_made_and_its_secret_is_told_this_once(client):
    wanted = {"url": URL, "description": "The shop", "event_types": ["stock.out", "stock.low"]}
    made = client.post(ENDPOINTS, wanted, JSON)
    assert made.status_code == 201
    told = attributes(made)
    assert told.pop("secret") == WebhookEndpoint.objects.get().secret
    fetched = client.get(made["Location"])
    assert attributes(fetched) == told
    assert told["event_types"] == ["stock.low", "stock.out"]
    assert (told["created_by"], told["is_active"], told["version"]) == ("tester", True, 1)
    assert "secret" not in str(client.get(ENDPOINTS).json())


def test_a_json_api_document_is_taken_too(client):
    document = {"data": {"type": "webhook-endpoints", "attributes": {"url": URL}}}
    assert attributes(client.post(ENDPOINTS, document))["url"] == URL


def test_a_repeated_request_gets_the_same_secret_and_makes_nothing_more(client):
    first, second = (
        client.post(ENDPOINTS, {"url": URL}, JSON, headers={"Idempotency-Key": "once"})
        for _ in range(2)
    )
    assert first.content == second.content
    assert WebhookEndpoint.objects.count() == 1


def test_every_problem_is_told_where_it_lies(client):
    wanted = {"url": "ftp://x", "event_types": ["stock.gone"], "is_active": 1, "colour": "red"}
    answer = client.post(ENDPOINTS, wanted, JSON)
    assert answer.status_code == 422
    assert set(refusals(answer)) == {
        ("invalid", "/url"),
        ("invalid_choice", "/event_types/0"),
        ("invalid", "/is_active"),
        ("unknown_attribute", "/colour"),
    }
    assert refusals(client.post(ENDPOINTS, {"url": URL, "secret": "whsec_x"}, JSON)) == [
        ("invalid", "/secret")
    ]


def test_a_private_address_is_refused_and_the_key_stays_free(client, settings):
    settings.WEBHOOK_ALLOW_PRIVATE = False
    once = {"Idempotency-Key": "once"}
    refused = client.post(ENDPOINTS, {"url": "https://10.0.0.1/"}, JSON, headers=once)
    assert (refused.status_code, refusals(refused)) == (422, [("invalid", "/url")])
    assert client.post(ENDPOINTS, {"url": URL}, JSON, headers=once).status_code == 201


def test_an_endpoint_is_changed_as_it_was_seen(client, endpoint, here):
    seen = client.get(here)
    stale = client.patch(here, {"description": "B"}, JSON, headers={"If-Match": '"7"'})
    assert (stale.status_code, refusals(stale)[0][0]) == (412, "precondition_failed")
    changed = client.patch(
        here, {"event_types": ["stock.low"]}, JSON, headers={"If-Match": seen["ETag"]}
    )
    assert attributes(changed)["event_types"] == ["stock.low"]
    assert "secret" not in attributes(changed)
    assert changed["ETag"] != seen["ETag"]
    assert client.get(here, headers={"If-None-Match": changed["ETag"]}).status_code == 304


def test_what_was_fetched_can_be_sent_back_whole(client, endpoint, here):
    whole = attributes(client.get(here)) | {"secret": endpoint.secret, "description": "New"}
    assert attributes(client.patch(here, whole, JSON))["description"] == "New"
    other = client.patch(here, {"secret": "whsec_other"}, JSON)
    assert refusals(other) == [("invalid", "/secret")]


def test_a_disabled_endpoint_says_why_and_is_switched_on_again(client, here):
    WebhookEndpoint.objects.update(is_active=False, disabled_reason="It answered 410 Gone.")
    assert attributes(client.get(here))["disabled_reason"] == "It answered 410 Gone."
    (only,) = client.get(ENDPOINTS, {"filter[is_active]": "false"}).json()["data"]
    assert only["attributes"]["is_active"] is False
    changed = attributes(client.patch(here, {"is_active": True}, JSON))
    assert (changed["is_active"], changed["disabled_reason"]) == (True, "")


def test_a_deleted_endpoint_is_gone_and_so_are_its_deliveries(client, endpoint, here):
    delivery = send_test(endpoint_id=endpoint.pk)
    assert client.delete(here, headers={"If-Match": '"7"'}).status_code == 412
    assert client.delete(here).status_code == 204
    assert client.get(here).status_code == 404
    assert client.delete(here).status_code == 404
    assert client.get(ENDPOINTS).json()["data"] == []
    assert client.get(DELIVERIES).json()["data"] == []
    assert client.post(f"{DELIVERIES}/{delivery.pk}/retry").status_code == 404


def test_a_rotation_tells_the_new_secret_this_once(client, endpoint, here):
    rotated = client.post(f"{here}/rotate-secret")
    assert rotated.status_code == 200
    secret = attributes(rotated)["secret"]
    endpoint.refresh_from_db()
    assert (endpoint.secret, attributes(rotated)["version"]) == (secret, 2)
    assert secret not in client.get(here).content.decode()
    stale = client.post(f"{here}/rotate-secret", headers={"If-Match": '"1"'})
    assert stale.status_code == 412


def test_a_test_is_accepted_and_answers_its_delivery(client, endpoint, here):
    answer = client.post(f"{here}/test")
    assert answer.status_code == 202
    delivery = answer.json()["data"]
    assert delivery["type"] == "webhook-deliveries"
    assert delivery["attributes"]["event_type"] == "endpoint.test"
    assert delivery["relationships"]["endpoint"]["data"]["id"] == str(endpoint.pk)
    assert client.get(delivery["links"]["self"]).json()["data"] == delivery


def test_an_action_takes_a_document_of_its_own_type(client, endpoint, here):
    document = {"data": {"type": "webhook-endpoints", "id": str(endpoint.pk)}}
    assert client.post(f"{here}/test", document).status_code == 202
    other = {"data": {"type": "webhook-deliveries"}}
    assert refusals(client.post(f"{here}/test", other)) == [("type_conflict", "/data/type")]
    assert refusals(client.post(f"{here}/test", {"colour": 1}, JSON)) == [
        ("unknown_attribute", "/colour")
    ]


def test_nothing_is_sent_to_an_inactive_endpoint_and_the_refusal_says_so(client, endpoint, here):
    delivery = send_test(endpoint_id=endpoint.pk)
    change_endpoint(endpoint_id=endpoint.pk, changes={"is_active": False})
    stretch = {"first_sequence": 1, "last_sequence": 1}
    for answer in (
        client.post(f"{here}/test"),
        client.post(f"{here}/replay", stretch, JSON),
        client.post(f"{DELIVERIES}/{delivery.pk}/retry"),
    ):
        assert (answer.status_code, refusals(answer)) == (409, [("endpoint_inactive", None)])


def test_a_replay_tells_how_many_events_are_sent(client, here):
    StockLevelFactory(on_hand=3)
    number_events()
    answer = client.post(f"{here}/replay", {"first_sequence": 1, "last_sequence": 1}, JSON)
    assert (answer.status_code, answer.json()["meta"]) == (202, {"deliveries": 1})
    assert WebhookDelivery.objects.get().event.sequence == 1
    assert client.post(f"{here}/replay?fields[webhook-endpoints]=url").status_code == 400


@pytest.mark.parametrize(
    ("stretch", "refused"),
    [
        ({}, {("required", ""), ("required", "")}),
        ({"first_sequence": 2, "last_sequence": 1}, {("invalid", "/last_sequence")}),
        ({"first_sequence": 1, "last_sequence": 100_001}, {("invalid", "/last_sequence")}),
        ({"first_sequence": 0, "last_sequence": 1}, {("min_value", "/first_sequence")}),
        ({"first_sequence": 1, "last_sequence": 2**63}, {("max_value", "/last_sequence")}),
        ({"first_sequence": "1", "last_sequence": 1}, {("invalid", "/first_sequence")}),
    ],
)
def test_a_stretch_that_cannot_be_is_refused(client, here, stretch, refused):
    answer = client.post(f"{here}/replay", stretch, JSON)
    assert answer.status_code == 422
    assert set(refusals(answer)) == refused


# Deliveries


def test_a_delivery_tells_every_attempt(client, endpoint):
    delivery = send_test(endpoint_id=endpoint.pk)
    attempt = {
        "at": "2026-11-22T12:00:00Z",
        "status_code": 503,
        "error": None,
        "duration_ms": 12,
    }
    WebhookDelivery.objects.update(attempts=[attempt], attempt_count=1)
    number_events()
    told = attributes(client.get(f"{DELIVERIES}/{delivery.pk}"))
    assert told["attempts"] == [attempt]
    assert (told["event_id"], told["event_type"]) == (str(delivery.event_id), "endpoint.test")
    assert (told["sequence"], told["status"]) == (1, "pending")
    assert told["next_attempt_at"].endswith("Z")


def test_deliveries_come_newest_first_page_by_page_and_filtered(client, endpoint):
    other = create_endpoint(url=URL, created_by="ada")
    made = [send_test(endpoint_id=one.pk) for one in (endpoint, other, endpoint)]
    WebhookDelivery.objects.filter(pk=made[0].pk).update(status="failed", next_attempt_at=None)

    def found(**parameters):
        document = client.get(DELIVERIES, parameters).json()
        return [UUID(one["id"]) for one in document["data"]], document["links"]

    newest, links = found(**{"page[size]": "2"})
    assert newest == [made[2].pk, made[1].pk]
    rest = client.get(links["next"]).json()["data"]
    assert [UUID(one["id"]) for one in rest] == [made[0].pk]
    for name, value, expected in (
        ("endpoint", endpoint.pk, [2, 0]),
        ("status", "failed", [0]),
        ("event", made[1].event_id, [1]),
        ("endpoint", uuid4(), []),
    ):
        assert found(**{f"filter[{name}]": str(value)})[0] == [made[n].pk for n in expected]
    assert client.get(DELIVERIES, {"filter[status]": "lost"}).status_code == 400


def test_a_delivery_is_sent_once_more_when_asked(client, endpoint):
    delivery = send_test(endpoint_id=endpoint.pk)
    WebhookDelivery.objects.update(status="delivered", next_attempt_at=None, attempt_count=2)
    answer = client.post(f"{DELIVERIES}/{delivery.pk}/retry")
    assert (answer.status_code, attributes(answer)["status"]) == (202, "pending")
    stale = client.post(f"{DELIVERIES}/{delivery.pk}/retry", headers={"If-Match": '"1"'})
    assert stale.status_code == 412


def test_a_delivery_leads_to_its_endpoint_without_its_secret(client, endpoint):
    delivery = send_test(endpoint_id=endpoint.pk)
    answer = client.get(f"{DELIVERIES}/{delivery.pk}/endpoint")
    assert answer.json()["data"]["id"] == str(endpoint.pk)
    assert endpoint.secret not in answer.content.decode()


def test_deliveries_are_not_written_otherwise(client, endpoint):
    delivery = send_test(endpoint_id=endpoint.pk)
    assert client.post(DELIVERIES, {}, JSON).status_code == 405
    for method in (client.patch, client.delete):
        assert method(f"{DELIVERIES}/{delivery.pk}").status_code == 405


# Who may


def test_staff_may_do_what_their_permissions_say(endpoint, here):
    ada = User.objects.create_user("ada", is_staff=True)
    browser = Client()
    browser.force_login(ada)

    def may(codename):
        ada.user_permissions.set(Permission.objects.filter(codename=codename))
        return {
            "see": browser.get(here).status_code == 200,
            "see deliveries": browser.get(DELIVERIES).status_code == 200,
            "test": browser.post(f"{here}/test", {}, JSON).status_code == 202,
            "make": browser.post(ENDPOINTS, {"url": URL}, JSON).status_code == 201,
        }

    for codename, can in {
        "view_webhookendpoint": {"see"},
        "view_webhookdelivery": {"see deliveries"},
        "change_webhookendpoint": {"test"},
        "add_webhookendpoint": {"make"},
    }.items():
        assert {what for what, yes in may(codename).items() if yes} == can


def test_a_deleted_endpoint_is_not_found_by_any_action(client, endpoint, here):
    delete_endpoint(endpoint_id=endpoint.pk)
    for action in ("test", "rotate-secret", "replay"):
        assert client.post(f"{here}/{action}").status_code == 404
