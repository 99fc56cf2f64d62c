"""Batches, reservations and availability over HTTP, as API.md §6 promises them."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from inventory import tasks
from inventory.models import Batch, Reservation, StockLevel
from tests.api_client import JSON, JSON_API
from tests.factories import LocationFactory, ProductFactory, StockLevelFactory

pytestmark = pytest.mark.django_db
API = "/api/v1"
HELD, ORDERED = f"{API}/reservations", f"{API}/batches"
SOON = "2099-12-01"


def errors(response) -> list[tuple[str, str, str | None]]:
    """Status, code and pointer of each error; the document's form is checked elsewhere."""
    return [
        (error["status"], error["code"], error.get("source", {}).get("pointer"))
        for error in response.json()["errors"]
    ]


def attributes(response) -> dict:
    return dict(response.json()["data"]["attributes"])


@pytest.fixture
def mug():
    return StockLevelFactory(product__sku="MUG", on_hand=5)


@pytest.fixture
def post(client, mug):
    """Sends plain JSON to an address below /api/v1/."""

    def send(path, body="", **headers):
        kind = JSON_API if body == "" else JSON
        return client.post(f"{API}/{path}", body, kind, headers=headers)

    return send


@pytest.fixture
def hold(post):
    """A hold of mugs; returns its address."""

    def make(quantity=2, order="1", **wishes):
        lines = [{"sku": "mug", "quantity": quantity}]
        response = post("reservations", {"order_reference": order, "lines": lines} | wishes)
        assert response.status_code == 201, response.content
        return "reservations/" + response.json()["data"]["id"]

    return make


@pytest.fixture
def batch(post):
    def make(quantity=4, reference="PO", **wishes):
        wish = {"sku": "mug", "quantity": quantity, "reference": reference, "eta": SOON}
        response = post("batches", wish | wishes)
        assert response.status_code == 201, response.content
        return "batches/" + response.json()["data"]["id"]

    return make


def as_document(kind: str, values: dict, **relationships) -> dict:
    linked = {name: {"data": one} for name, one in relationships.items()}
    return {"data": {"type": kind, "attributes": values, "relationships": linked}}


# Reservations


def test_a_hold_is_answered_with_its_lines_and_what_supplies_them(client, mug, batch):
    batch()
    body = {
        "order_reference": "ORDER-1",
        "lines": [{"sku": "mug", "quantity": 6}],
        "allow_incoming": True,
    }
    response = client.post(HELD, body, JSON)
    assert response.status_code == 201
    assert response["Location"] == response.json()["data"]["links"]["self"]
    assert response["ETag"]
    shown = attributes(response)
    assert shown.pop("expires_at").endswith("Z")
    assert shown.pop("created_at") <= shown.pop("updated_at")
    assert shown == {
        "order_reference": "ORDER-1",
        "status": "active",
        "allow_incoming": True,
        "lines": [
            {
                "product_id": str(mug.product_id),
                "sku": "MUG",
                "quantity": 6,
                "shipped": 0,
                "unallocated": 0,
                "allocations": [
                    {"location": "main", "batch": None, "quantity": 5, "eta": None},
                    {"location": "main", "batch": "PO", "quantity": 1, "eta": SOON},
                ],
                "promise_date": SOON,
            }
        ],
        "promise_date": SOON,
        "version": 1,
    }
    fetched = client.get(response["Location"])
    assert fetched.json()["data"] == response.json()["data"]
    assert fetched["ETag"] == response["ETag"]
    again = client.get(response["Location"], headers={"If-None-Match": fetched["ETag"]})
    assert again.status_code == 304


def test_a_jsonapi_client_holds_the_same_way(client, mug):
    values = {"order_reference": "1", "lines": [{"sku": "MUG", "quantity": 2}]}
    assert client.post(HELD, as_document("reservations", values)).status_code == 201


def test_the_same_order_again_is_200_and_with_other_lines_409(hold, post):
    url = hold(2)
    lines = [{"sku": "MUG", "quantity": 1}, {"sku": "mug", "quantity": 1}]
    again = post("reservations", {"order_reference": "1", "lines": lines})
    assert (again.status_code, again.json()["data"]["id"]) == (200, url.split("/")[1])
    other = post("reservations", {"order_reference": "1", "lines": lines[:1]})
    assert errors(other) == [("409", "order_reference_conflict", "/order_reference")]
    assert other.json()["errors"][0]["meta"] == {"status": "active"}


def test_every_short_line_is_named_with_its_place_in_either_form(client, mug):
    StockLevelFactory(product__sku="PEN", on_hand=9)
    lines = [
        {"sku": "MUG", "quantity": 6},
        {"sku": "PEN", "quantity": 1},
        {"product_id": str(ProductFactory(sku="CUP").pk), "quantity": 1},
    ]
    values = {"order_reference": "1", "lines": lines}
    plain = client.post(HELD, values, JSON)
    code = "insufficient_stock"
    assert errors(plain) == [("422", code, "/lines/0"), ("422", code, "/lines/2")]
    assert plain.json()["errors"][0]["meta"] == {
        "requested": 6,
        "available": 5,
        "shortfall": 1,
        "product_id": str(mug.product_id),
        "sku": "MUG",
    }
    document = client.post(HELD, as_document("reservations", values))
    start = "/data/attributes/lines"
    assert errors(document) == [("422", code, f"{start}/0"), ("422", code, f"{start}/2")]
    assert not Reservation.objects.exists()


GOOD = {"sku": "MUG", "quantity": 1}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([GOOD | {"quantity": "5"}], ("422", "invalid", "lines/0/quantity")),
        ([GOOD | {"quantity": 5.0}], ("422", "invalid", "lines/0/quantity")),
        ([GOOD | {"quantity": True}], ("422", "invalid", "lines/0/quantity")),
        ([GOOD | {"quantity": 0}], ("422", "min_value", "lines/0/quantity")),
        ([GOOD | {"quantity": 10**9 + 1}], ("422", "max_value", "lines/0/quantity")),
        ([GOOD, {"sku": "MUG"}], ("422", "required", "lines/1")),
        ([GOOD, {"quantity": 1}], ("422", "required", "lines/1")),
        ([GOOD | {"colour": "red"}], ("422", "unknown_attribute", "lines/0/colour")),
        ([GOOD | {"sku": 5}], ("422", "invalid", "lines/0/sku")),
        ([GOOD | {"sku": "NONE"}], ("404", "not_found", "lines/0/sku")),
        ([{"product_id": "x", "quantity": 1}], ("404", "not_found", "lines/0/product_id")),
        ([{"product_id": str(uuid4()), "quantity": 1}], ("404", "not_found", "lines/0/product_id")),
        ([], ("422", "empty", "lines")),
        ("MUG", ("422", "invalid", "lines")),
        (GOOD, ("422", "invalid", "lines")),
        (None, ("422", "null", "lines")),
        ([GOOD, "MUG"], ("422", "invalid", "lines/1")),
        ([GOOD, [GOOD]], ("422", "invalid", "lines/1")),
        ([GOOD] * 201, ("422", "max_length", "lines")),
    ],
)
@pytest.mark.parametrize("form", ["plain", "document"])
def test_lines_that_cannot_be_meant_are_refused_in_their_place(client, mug, lines, expected, form):
    *what, place = expected
    values = {"order_reference": "1", "lines": lines}
    if form == "plain":
        response, start = client.post(HELD, values, JSON), ""
    else:
        response = client.post(HELD, as_document("reservations", values))
        start = "/data/attributes"
    assert errors(response) == [(*what, f"{start}/{place}")]
    assert not Reservation.objects.exists()


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        ({"expires_in": 0}, ("422", "min_value", "/expires_in")),
        ({"expires_in": 7 * 86_400 + 1}, ("422", "max_value", "/expires_in")),
        ({"expires_in": "900"}, ("422", "invalid", "/expires_in")),
        ({"order_reference": " "}, ("422", "blank", "/order_reference")),
        ({"order_reference": 5}, ("422", "invalid", "/order_reference")),
        ({"order_reference": "x" * 256}, ("422", "max_length", "/order_reference")),
        ({"allow_incoming": "yes"}, ("422", "invalid", "/allow_incoming")),
        ({"colour": "red"}, ("422", "unknown_attribute", "/colour")),
        ({"status": "confirmed"}, ("422", "invalid", "/status")),
        ({"expires_at": "2099-12-01T00:00:00Z"}, ("422", "invalid", "/expires_at")),
    ],
)
def test_a_hold_that_cannot_be_meant_is_refused(post, wish, expected):
    response = post("reservations", {"order_reference": "1", "lines": [GOOD]} | wish)
    assert errors(response) == [expected]
    assert not Reservation.objects.exists()


@pytest.mark.parametrize("path", ["reservations", "availability", "ship"])
def test_every_product_that_does_not_exist_is_named(hold, post, path):
    wish = {"lines": [GOOD | {"sku": "NONE"}, GOOD, {"product_id": str(uuid4()), "quantity": 1}]}
    if path == "reservations":
        wish["order_reference"] = "2"
    response = post(f"{hold()}/ship" if path == "ship" else path, wish)
    assert errors(response) == [
        ("404", "not_found", "/lines/0/sku"),
        ("404", "not_found", "/lines/2/product_id"),
    ]


def test_every_id_that_cannot_exist_is_named(post):
    lines = [{"product_id": "x", "quantity": 1}, GOOD, {"product_id": "y", "quantity": "5"}]
    response = post("reservations", {"order_reference": "1", "lines": lines})
    assert errors(response) == [
        ("404", "not_found", "/lines/0/product_id"),
        ("404", "not_found", "/lines/2/product_id"),
    ]


def test_two_hundred_lines_and_a_week_are_possible(post):
    StockLevel.objects.update(on_hand=200)
    wish = {"order_reference": "1", "lines": [GOOD] * 200, "expires_in": 7 * 86_400}
    assert post("reservations", wish).status_code == 201
    StockLevel.objects.update(on_hand=5, reserved=0)


def test_actions_need_no_body_and_answer_with_the_hold(hold, post):
    url = hold(2)
    for action, status in (("extend", "active"), ("confirm", "confirmed"), ("ship", "shipped")):
        for body in ("", {}):
            response = post(f"{url}/{action}", body)
            assert (response.status_code, attributes(response)["status"]) == (200, status)
            assert response["ETag"]
    released = post(f"{hold(1, '2')}/release")
    assert attributes(released)["lines"][0]["allocations"] == []


def test_a_part_is_shipped_by_its_lines(hold, post):
    url = hold(4)
    part = post(f"{url}/ship", {"lines": [{"sku": "MUG", "quantity": 1}]})
    assert (attributes(part)["status"], attributes(part)["lines"][0]["shipped"]) == ("confirmed", 1)
    for lines, expected in (
        ([{"sku": "MUG", "quantity": 4}], ("422", "exceeds_ordered", "/lines/0/quantity")),
        ([], ("422", "empty", "/lines")),
        ([{"sku": "MUG"}], ("422", "required", "/lines/0")),
    ):
        assert errors(post(f"{url}/ship", {"lines": lines})) == [expected]


def test_every_line_that_cannot_be_shipped_is_named(post, batch, mug):
    StockLevelFactory(product__sku="PEN", on_hand=9)
    StockLevelFactory(product__sku="CUP", on_hand=1)
    batch(4)
    wish = {
        "order_reference": "1",
        "lines": [GOOD | {"quantity": 7}, {"sku": "PEN", "quantity": 2}],
        "allow_incoming": True,
    }
    url = "reservations/" + post("reservations", wish).json()["data"]["id"]
    lines = [
        {"sku": "PEN", "quantity": 3},
        {"sku": "MUG", "quantity": 6},
        {"sku": "CUP", "quantity": 1},
    ]
    response = post(f"{url}/ship", {"lines": lines})
    assert errors(response) == [
        ("422", "exceeds_ordered", "/lines/0/quantity"),
        ("422", "not_on_hand", "/lines/1/quantity"),
        ("422", "exceeds_ordered", "/lines/2/quantity"),
    ]
    assert [error["meta"] for error in response.json()["errors"]] == [
        {"outstanding": 2},
        {"on_hand": 5, "requested": 6, "sku": "MUG"},
        {"outstanding": 0},
    ]
    whole = post(f"{url}/ship")  # names no line, and so points at none
    assert errors(whole) == [("422", "not_on_hand", None)]
    mug.refresh_from_db()
    assert (mug.on_hand, mug.reserved) == (5, 5)


def test_all_that_has_not_arrived_is_named_when_all_is_to_be_shipped(post, batch):
    batch(4)
    StockLevelFactory(product__sku="PEN", on_hand=0)
    batch(2, "PO-2", sku="PEN")
    lines = [GOOD | {"quantity": 7}, {"sku": "PEN", "quantity": 2}]
    wish = {"order_reference": "1", "lines": lines, "allow_incoming": True}
    url = "reservations/" + post("reservations", wish).json()["data"]["id"]
    refused = post(f"{url}/ship").json()["errors"]
    assert [error["meta"]["sku"] for error in refused] == ["MUG", "PEN"]


def test_actions_take_nothing_that_they_do_not_know(hold, post):
    url = hold()
    for action in ("confirm", "release", "extend", "ship"):
        response = post(f"{url}/{action}", {"colour": "red"})
        assert errors(response) == [("422", "unknown_attribute", "/colour")]
    for seconds in (0, 7 * 86_400 + 1, "60"):
        assert post(f"{url}/extend", {"expires_in": seconds}).status_code == 422
    assert attributes(post(f"{url}/extend", {"expires_in": 60}))["status"] == "active"


def test_what_a_hold_cannot_do_any_more_is_told_with_its_state(hold, post):
    url = hold()
    overdue()
    for action in ("confirm", "extend", "ship"):
        response = post(f"{url}/{action}")
        assert errors(response) == [("409", "reservation_expired", None)]
        assert response.json()["errors"][0]["meta"] == {"status": "expired"}
    assert post(f"reservations/{uuid4()}/confirm").status_code == 404
    assert post("reservations/x/confirm").status_code == 404


def overdue():
    Reservation.objects.update(expires_at=Now() - timedelta(milliseconds=1))


def test_a_hold_is_not_changed_or_deleted_by_its_address(client, hold):
    url = f"{API}/{hold()}"
    assert client.patch(url, {"status": "confirmed"}, JSON).status_code == 405
    assert client.delete(url).status_code == 405


def test_holds_are_found_by_order_state_and_product_and_sorted(client, hold, post, mug):
    pen = StockLevelFactory(product__sku="PEN", on_hand=9)
    hold(1, "first", expires_in=600)
    post(f"{hold(1, 'second')}/confirm")
    line = {"sku": "PEN", "quantity": 1}
    post("reservations", {"order_reference": "third", "lines": [line], "expires_in": 60})

    def found(query):
        data = client.get(f"{HELD}?{query}").json()["data"]
        return [one["attributes"]["order_reference"] for one in data]

    assert found("") == found("sort=created_at") == ["first", "second", "third"]
    assert found("filter[order_reference]=second") == ["second"]
    assert found("filter[status]=active") == ["first", "third"]
    assert found(f"filter[product]={pen.product_id}") == ["third"]
    assert found("filter[status]=active&sort=expires_at") == ["third", "first"]
    assert client.get(f"{HELD}?filter[status]=bogus").status_code == 400


# Once


def test_a_hold_with_a_key_is_made_once_and_answered_with_the_same_bytes(post):
    wish = {"order_reference": "1", "lines": [GOOD]}
    once, again = (post("reservations", wish, **{"Idempotency-Key": "k"}) for _ in range(2))
    assert (once.status_code, again.status_code) == (201, 201)
    assert once.content == again.content
    assert once["Location"] == again["Location"]
    assert again["Idempotent-Replayed"] == "true"
    assert Reservation.objects.count() == 1


def test_a_refusal_with_a_key_is_kept_even_when_there_is_enough_again(client, post, mug):
    wish = {"order_reference": "1", "lines": [GOOD | {"quantity": 6}]}
    once = post("reservations", wish, **{"Idempotency-Key": "k"})
    client.patch(f"{API}/inventory/{mug.product_id}", {"quantity_delta": 5}, JSON)
    again = post("reservations", wish, **{"Idempotency-Key": "k"})
    assert [once.status_code, again.status_code] == [422, 422]
    assert errors(once) == errors(again)
    assert post("reservations", wish, **{"Idempotency-Key": "l"}).status_code == 201


# Scopes


def test_who_may_hold_may_not_ship_and_who_may_ship_may_not_hold(api_client, hold, mug):
    url = f"{API}/{hold()}"
    shop = api_client("reservations:write", "inventory:read")
    stock = api_client("inventory:write", "inventory:read")
    assert shop.post(f"{url}/extend").status_code == 200
    assert stock.post(f"{url}/extend").status_code == 403
    assert shop.post(f"{url}/ship").status_code == 403
    assert stock.post(f"{url}/ship").status_code == 200
    wish = {"order_reference": "2", "lines": [GOOD]}
    assert stock.post(HELD, wish, JSON).status_code == 403
    assert shop.post(HELD, wish, JSON).status_code == 201
    asked = api_client("inventory:read").post(f"{API}/availability", {"lines": [GOOD]}, JSON)
    assert asked.status_code == 200


# Availability


def available(post, *lines, **wishes):
    response = post("availability", {"lines": list(lines)} | wishes)
    assert response.status_code == 200, response.content
    assert set(response.json()) == {"meta", "jsonapi"}
    return response.json()["meta"]


def test_what_could_be_promised_is_told_and_nothing_is_held(post, batch, mug):
    batch(2)
    today = str(timezone.now().date())
    told = available(post, {"sku": "mug", "quantity": 9})
    line = {
        "sku": "MUG",
        "product_id": str(mug.product_id),
        "quantity": 9,
        "available": 7,
        "shortfall": 2,
        "allocations": [
            {"location": "main", "batch": None, "quantity": 5, "eta": None},
            {"location": "main", "batch": "PO", "quantity": 2, "eta": SOON},
        ],
        "promise_date": None,
    }
    assert told == {"lines": [line], "promise_date": None}
    assert available(post, {"sku": "mug", "quantity": 6})["promise_date"] == SOON
    assert available(post, {"sku": "mug", "quantity": 5})["promise_date"] == today
    (line,) = available(post, {"sku": "mug", "quantity": 6}, allow_incoming=False)["lines"]
    assert (line["available"], line["shortfall"]) == (5, 1)
    assert not Reservation.objects.exists()


def test_holds_past_their_time_count_as_free(post, hold):
    hold(5)
    assert available(post, GOOD)["lines"][0]["available"] == 0
    overdue()
    assert available(post, GOOD | {"quantity": 9})["lines"][0]["available"] == 5


def test_the_same_product_is_summed_and_what_was_never_stocked_is_short(post):
    ProductFactory(sku="NEVER")
    told = available(post, GOOD, {"sku": "never", "quantity": 2}, GOOD)
    assert [(one["sku"], one["quantity"], one["shortfall"]) for one in told["lines"]] == [
        ("MUG", 2, 0), ("NEVER", 2, 2),
    ]  # fmt: skip


@pytest.mark.slow
def test_availability_of_fifty_lines_takes_three_queries(post, batch):
    levels = [StockLevelFactory(on_hand=1) for _ in range(50)]
    for level in levels[:9]:
        batch(2, level.product.sku, sku=level.product.sku)
    lines = [{"sku": level.product.sku, "quantity": 2} for level in levels]
    available(post, GOOD)  # from here on the key is known
    with CaptureQueriesContext(connection) as sent:
        told = available(post, *lines)
    assert len(sent) == 3
    assert sum(one["shortfall"] for one in told["lines"]) == 41


def test_what_cannot_be_asked_is_refused(post, client):
    for body, expected in (
        ({}, ("422", "required", "")),
        ({"lines": []}, ("422", "empty", "/lines")),
        ({"lines": [{"sku": "NONE", "quantity": 1}]}, ("404", "not_found", "/lines/0/sku")),
    ):
        response = client.post(f"{API}/availability", body, JSON)
        assert errors(response) == [expected]
    assert client.get(f"{API}/availability").status_code == 405


# Batches


def test_a_batch_is_ordered_changed_and_received(client, batch, mug):
    url = f"{API}/{batch(4)}"
    fetched = client.get(url)
    shown = attributes(fetched)
    assert shown.pop("created_at")
    assert shown.pop("updated_at")
    assert shown == {
        "reference": "PO",
        "quantity": 4,
        "received_quantity": 0,
        "allocated": 0,
        "eta": SOON,
        "status": "incoming",
        "version": 1,
    }
    stock = f"{API}/inventory/{mug.product_id}"
    told = attributes(client.get(stock))
    assert (told["incoming"], told["next_eta"]) == (4, SOON)
    moved = client.patch(url, {"eta": "2099-12-02"}, JSON, headers={"If-Match": fetched["ETag"]})
    assert attributes(moved)["eta"] == "2099-12-02"
    stale = client.patch(url, {"quantity": 3}, JSON, headers={"If-Match": fetched["ETag"]})
    assert stale.status_code == 412
    part = client.post(f"{url}/receive", {"quantity": 1}, JSON)
    assert (part.status_code, attributes(part)["received_quantity"]) == (200, 1)
    over = client.post(f"{url}/receive", {"quantity": 4}, JSON)
    assert errors(over) == [("422", "exceeds_ordered", "/quantity")]
    assert over.json()["errors"][0]["meta"] == {"outstanding": 3}
    assert attributes(client.post(f"{url}/receive"))["status"] == "received"
    assert errors(client.post(f"{url}/receive")) == [("409", "batch_received", None)]
    told = attributes(client.get(stock))
    assert (told["quantity"], told["incoming"], told["next_eta"]) == (9, 0, None)


def test_a_batch_that_was_fetched_can_be_sent_back_as_it_is(client, batch):
    url = f"{API}/{batch()}"
    document = {"data": client.get(url).json()["data"]}
    assert attributes(client.patch(url, document))["version"] == 1
    document["data"]["attributes"]["quantity"] = 5
    assert attributes(client.patch(url, document))["quantity"] == 5


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"reference": "OTHER"}, ("422", "invalid", "/reference")),
        ({"reference": "po"}, ("422", "invalid", "/reference")),
        ({"reference": None}, ("422", "invalid", "/reference")),
        ({"location": "north"}, ("403", "read_only", "/location")),
        ({"location": None}, ("403", "read_only", "/location")),
        ({"product": str(uuid4())}, ("403", "read_only", "/product")),
        ({"product": {"sku": "MUG"}}, ("403", "read_only", "/product")),
        ({"sku": "MUG"}, ("422", "unknown_attribute", "/sku")),
    ],
)
def test_what_a_batch_keeps_is_not_changed_in_silence(client, batch, change, expected):
    LocationFactory(code="north")
    url = f"{API}/{batch()}"
    assert errors(client.patch(url, change | {"quantity": 9}, JSON)) == [expected]
    pointer = f"/data/attributes{expected[2]}"
    kind, pk = url.split("/")[-2:]
    document = {"data": {"type": kind, "id": pk, "attributes": change | {"quantity": 9}}}
    assert errors(client.patch(url, document)) == [(*expected[:2], pointer)]
    assert attributes(client.get(url))["quantity"] == 4


def test_what_a_batch_keeps_may_be_sent_as_it_is(client, batch, mug):
    url = f"{API}/{batch()}"
    plain = attributes(client.get(url))
    for same in (
        plain,
        plain | {"location": "MAIN"},
        plain | {"location": str(mug.location_id), "product": str(mug.product_id)},
        {"product": {"type": "products", "id": str(mug.product_id)}},
    ):
        response = client.patch(url, same, JSON)
        assert (response.status_code, attributes(response)["version"]) == (200, 1)


def test_what_is_wrong_with_a_change_is_told_together(client, batch):
    response = client.patch(f"{API}/{batch()}", {"reference": "B", "quantity": 0, "x": 1}, JSON)
    assert errors(response) == [
        ("422", "unknown_attribute", "/x"),
        ("422", "invalid", "/reference"),
        ("422", "min_value", "/quantity"),
    ]


def test_a_batch_without_an_eta_arrives_at_once(client, batch, mug):
    assert attributes(client.get(f"{API}/{batch(4, eta=None)}"))["status"] == "received"
    mug.refresh_from_db()
    assert (mug.on_hand, mug.incoming) == (9, 0)


def test_product_and_location_of_a_batch_are_named_by_relationships(client, mug):
    north = LocationFactory(code="north")
    document = as_document(
        "batches",
        {"reference": "PO", "quantity": 1, "eta": SOON},
        product={"type": "products", "id": str(mug.product_id)},
        location={"type": "locations", "id": str(north.pk)},
    )
    response = client.post(f"{ORDERED}?include=product,location", document)
    assert response.status_code == 201
    assert Batch.objects.get().location == north
    related = client.get(f"{response['Location']}/location").json()["data"]
    assert related["attributes"]["code"] == "north"
    document["data"]["relationships"]["product"]["data"]["id"] = str(uuid4())
    assert client.post(ORDERED, document).status_code == 404


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        ({"quantity": 0}, ("422", "min_value", "/quantity")),
        ({"quantity": "5"}, ("422", "invalid", "/quantity")),
        ({"eta": "2026-02-30"}, ("422", "invalid_date", "/eta")),
        ({"eta": "01.02.2026"}, ("422", "invalid_date", "/eta")),
        ({"eta": 5}, ("422", "invalid", "/eta")),
        ({"reference": ""}, ("422", "blank", "/reference")),
        ({"reference": "TAKEN"}, ("409", "duplicate", "/reference")),
        ({"location": "nowhere"}, ("404", "not_found", "/location")),
        ({"sku": "NONE"}, ("404", "not_found", "/sku")),
        ({"colour": "red"}, ("422", "unknown_attribute", "/colour")),
        ({"status": "cancelled"}, ("422", "invalid", "/status")),
        ({"status": "incoming"}, ("422", "invalid", "/status")),
    ],
)
def test_a_batch_that_cannot_be_meant_is_refused(post, batch, wish, expected):
    batch(1, "TAKEN")
    good = {"sku": "MUG", "reference": "PO", "quantity": 1, "eta": SOON}
    assert errors(post("batches", good | wish)) == [expected]
    assert Batch.objects.count() == 1


def test_batches_are_found_and_sorted(client, batch):
    pen = StockLevelFactory(product__sku="PEN")
    batch(1, "A", eta="2099-12-03")
    batch(1, "B", eta="2099-12-01")
    batch(1, "C", sku="PEN", eta=None)

    def found(query):
        data = client.get(f"{ORDERED}?{query}").json()["data"]
        return [one["attributes"]["reference"] for one in data]

    assert found("") == ["A", "B", "C"]
    assert found("sort=eta&filter[status]=incoming") == ["B", "A"]
    assert found("filter[eta][gte]=2099-12-02") == ["A"]
    assert found("filter[eta][lte]=2099-12-02") == ["B"]
    assert found("filter[sku]=pen") == found(f"filter[product]={pen.product_id}") == ["C"]
    assert found("filter[reference]=B") == ["B"]
    assert found("filter[location]=main&filter[status]=received") == ["C"]
    assert client.get(f"{ORDERED}?filter[eta][gte]=soon").status_code == 400


# In the background


def test_the_task_ends_every_hold_that_is_overdue_batch_by_batch(hold, monkeypatch):
    monkeypatch.setattr(tasks, "BATCH", 2)
    for number in range(5):
        hold(1, str(number))
    overdue()
    assert tasks.expire_reservations(from_a_newer="publisher") == 5
    assert set(Reservation.objects.values_list("status", flat=True)) == {"expired"}
    assert StockLevel.objects.get().reserved == 0
    assert tasks.expire_reservations() == 0


def test_beat_ends_them_every_ten_seconds():
    entries = settings.CELERY_BEAT_SCHEDULE.values()
    found = [one for one in entries if one["task"] == tasks.expire_reservations.name]
    assert [float(one["schedule"]) for one in found] == [10.0]
