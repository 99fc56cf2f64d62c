"""GET /events: what happened, oldest first, page by page, for ever."""

from __future__ import annotations

from urllib.parse import quote
from uuid import UUID, uuid4

import pytest

from common.access.scopes import ALL_SCOPES, Scope
from common.events.models import Event
from common.events.sequencing import number_events
from inventory.models import StockLevel
from tests.api_client import JSON
from tests.factories import StockLevelFactory

EVENTS = "/api/v1/events"


@pytest.fixture
def mug(db) -> StockLevel:
    level = StockLevelFactory(product__sku="MUG", on_hand=100)
    Event.objects.all().delete()
    return level


def sell(client, level, times: int = 1) -> None:
    for _ in range(times):
        path = f"/api/v1/inventory/{level.product_id}"
        assert client.patch(path, {"quantity_delta": -1}, JSON).status_code == 200


def sequences(answer) -> list[int]:
    return [one["attributes"]["sequence"] for one in answer.json()["data"]]


def test_an_event_says_what_happened_to_what_and_which_request_did_it(client, mug):
    path = f"/api/v1/inventory/{mug.product_id}"
    sale = {"quantity_delta": -3, "reference": "SO-1"}
    client.patch(path, sale, JSON, headers={"X-Request-ID": "sale-1"})
    (event,) = client.get(EVENTS).json()["data"]
    assert client.get(event["links"]["self"]).json()["data"] == event
    assert event["type"] == "events"
    attributes = event["attributes"]
    assert attributes.pop("occurred_at").endswith("Z")
    movement = mug.movements.latest("sequence")
    assert attributes == {
        "event_type": "stock.changed",
        "sequence": 1,
        "subject": {"type": "inventory", "id": str(mug.product_id)},
        "request_id": "sale-1",
        "data": {
            "sku": "MUG",
            "location": "main",
            "before": 100,
            "after": 97,
            "movement_id": str(movement.pk),
            "reason": "sale",
            "reference": "SO-1",
        },
    }


def test_a_walk_sees_every_event_once_and_its_end_is_where_to_ask_again(client, mug):
    sell(client, mug, 5)
    address, seen = f"{EVENTS}?page[size]=2", []
    for _ in range(4):
        answer = client.get(address)
        seen.append(sequences(answer))
        address = answer.json()["links"]["next"]
    assert seen == [[1, 2], [3, 4], [5], []]
    sell(client, mug, 2)
    answer = client.get(address)
    assert sequences(answer) == [6, 7]
    assert "prev" not in answer.json()["links"]


def test_a_feed_without_an_event_can_be_polled_from_the_start(client, mug):
    answer = client.get(EVENTS).json()
    assert answer["data"] == []
    sell(client, mug)
    assert sequences(client.get(answer["links"]["next"])) == [1]


def test_pages_have_no_numbers(client, mug):
    answer = client.get(f"{EVENTS}?page[number]=1")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["source"] == {"parameter": "page[number]"}


def test_it_is_filtered_by_type_and_by_what_it_is_about(client, mug):
    pen = StockLevelFactory(product__sku="PEN", on_hand=9)
    Event.objects.all().delete()
    sell(client, mug)
    sell(client, pen)
    client.patch(f"/api/v1/products/{pen.product_id}", {"name": "Pencil"}, JSON)

    def types(query: str) -> list[str]:
        answer = client.get(f"{EVENTS}?{query}")
        assert answer.status_code == 200
        return [one["attributes"]["event_type"] for one in answer.json()["data"]]

    assert types("filter[type]=product.updated") == ["product.updated"]
    assert types(f"filter[subject]=inventory/{pen.product_id}") == ["stock.changed"]
    about_upper = quote(f"products/{str(pen.product_id).upper()}")
    assert types(f"filter[subject]={about_upper}") == ["product.updated"]
    assert types(f"filter[subject]=products/{mug.product_id}") == []
    assert types(f"filter[subject]={pen.product_id}") == []
    assert types("") == ["stock.changed", "stock.changed", "product.updated"]


def test_it_can_be_entered_behind_an_event_that_is_known(client, mug):
    sell(client, mug, times=4)
    first, second, *later = sequences(client.get(EVENTS))
    answer = client.get(f"{EVENTS}?filter[sequence][gt]={second}&page[size]=1")
    assert sequences(answer) == later[:1]
    assert sequences(client.get(answer.json()["links"]["next"])) == later[1:2]
    assert first not in sequences(client.get(f"{EVENTS}?filter[sequence][gt]={first}"))


def test_a_filtered_feed_goes_on_where_it_was(client, mug):
    address = f"{EVENTS}?filter[type]=stock.changed"
    sell(client, mug)
    address = client.get(address).json()["links"]["next"]
    client.patch(f"/api/v1/products/{mug.product_id}", {"name": "Cup"}, JSON)
    assert sequences(client.get(address)) == []
    sell(client, mug)
    assert sequences(client.get(address)) == [3]


def test_there_is_no_such_type(client, mug):
    answer = client.get(f"{EVENTS}?filter[type]=stock.stolen")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["source"] == {"parameter": "filter[type]"}


def test_a_refusal_leaves_no_event(client, mug):
    answer = client.patch(f"/api/v1/inventory/{mug.product_id}", {"quantity_delta": -101}, JSON)
    assert answer.status_code == 422
    assert sequences(client.get(EVENTS)) == []


def test_only_committed_and_numbered_events_have_an_address(client, mug):
    sell(client, mug)
    event = Event.objects.get()
    assert client.get(f"{EVENTS}/{event.pk}").status_code == 404
    number_events()
    assert client.get(f"{EVENTS}/{event.pk}").status_code == 200
    assert client.get(f"{EVENTS}/{uuid4()}").status_code == 404


def test_nobody_writes_events(client, mug):
    for method in (client.post, client.patch, client.delete):
        assert method(EVENTS).status_code == 405


def test_it_takes_the_scope(api_client, mug):
    assert api_client(*(ALL_SCOPES - {Scope.EVENTS_READ})).get(EVENTS).status_code == 403
    assert api_client(Scope.EVENTS_READ).get(EVENTS).status_code == 200


@pytest.mark.parametrize("page", ["", f"?filter[subject]=inventory/{UUID(int=1)}"])
def test_a_poll_costs_few_queries_however_much_happens(
    client, mug, page, django_assert_max_num_queries
):
    client.get(EVENTS)
    sell(client, mug, 30)
    with django_assert_max_num_queries(6):
        client.get(f"{EVENTS}{page}")
    with django_assert_max_num_queries(2):
        client.get(f"{EVENTS}{page}")
