"""Stock over HTTP, as API.md §6 promises it."""

from uuid import uuid4

import pytest

from common.api.renderers import JSONAPIRenderer
from common.events.models import Event
from inventory.models import Location, StockLevel, StockMovement
from products.operations import delete_product
from tests.api_client import JSON
from tests.factories import LocationFactory, ProductFactory, StockLevelFactory

pytestmark = pytest.mark.django_db
API = "/api/v1"


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
    return StockLevelFactory(product__sku="MUG", on_hand=7)


@pytest.fixture
def url(mug) -> str:
    return f"{API}/inventory/{mug.product_id}"


# Opening


def test_a_plain_client_opens_an_inventory_for_a_product(client):
    product = ProductFactory()
    body = {"product_id": str(product.pk), "quantity": 100}
    response = client.post(f"{API}/inventory/", body, JSON)
    assert response.status_code == 201
    assert response["Location"] == response.json()["data"]["links"]["self"]
    assert response.json()["data"]["id"] == str(product.pk)
    shown = attributes(response)
    assert shown.pop("last_updated").endswith("Z")
    assert shown == {
        "product_id": str(product.pk),
        "quantity": 100,
        "reserved": 0,
        "available": 100,
        "incoming": 0,
        "next_eta": None,
        "version": 2,
    }
    assert client.get(response["Location"]).json()["data"] == response.json()["data"]


def test_a_jsonapi_client_names_product_and_location_by_relationships(client):
    product, north = ProductFactory(), LocationFactory(code="north")
    document = {
        "data": {
            "type": "inventory",
            "attributes": {"quantity": 5},
            "relationships": {
                "product": {"data": {"type": "products", "id": str(product.pk)}},
                "location": {"data": {"type": "locations", "id": str(north.pk)}},
            },
        }
    }
    assert client.post(f"{API}/inventory", document).status_code == 201
    assert StockLevel.objects.get().location == north


def test_quantity_defaults_to_zero_and_a_sku_will_do(client):
    ProductFactory(sku="MUG")
    response = client.post(f"{API}/inventory", {"sku": "mug"}, JSON)
    assert (response.status_code, attributes(response)["quantity"]) == (201, 0)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"quantity": 1}, ("422", "required", "")),
        ({"product_id": str(uuid4())}, ("404", "not_found", "/product_id")),
        ({"product_id": "no-uuid"}, ("404", "not_found", "/product_id")),
        ({"product_id": 5}, ("422", "invalid", "/product_id")),
        ({"sku": "NONE"}, ("404", "not_found", "/sku")),
        ({"sku": "MUG", "location": "nowhere"}, ("404", "not_found", "/location")),
        ({"sku": "PEN", "quantity": -1}, ("422", "min_value", "/quantity")),
        ({"sku": "PEN", "quantity": 10**9 + 1}, ("422", "max_value", "/quantity")),
        ({"sku": "PEN", "quantity": "5"}, ("422", "invalid", "/quantity")),
        ({"sku": "PEN", "quantity": 5.0}, ("422", "invalid", "/quantity")),
        ({"sku": "PEN", "quantity": True}, ("422", "invalid", "/quantity")),
        ({"sku": "PEN", "quantitty": 5}, ("422", "unknown_attribute", "/quantitty")),
        ({"sku": "MUG", "quantity": 5}, ("409", "duplicate", None)),
    ],
)
def test_what_cannot_be_opened_is_refused_in_words(client, mug, body, expected):
    ProductFactory(sku="PEN")
    assert errors(client.post(f"{API}/inventory", body, JSON)) == [expected]
    assert StockLevel.objects.count() == 1


def test_a_product_named_twice_must_be_the_same_one(client, mug):
    other = ProductFactory(sku="POT")
    body = {"product_id": str(other.pk), "sku": "mug"}
    assert errors(client.post(f"{API}/inventory", body, JSON)) == [("404", "not_found", "/sku")]
    assert client.post(f"{API}/inventory", body | {"sku": "pot"}, JSON).status_code == 201


def test_a_deleted_product_cannot_be_stocked(client):
    product = ProductFactory()
    delete_product(product_id=product.pk)
    response = client.post(f"{API}/inventory", {"product_id": str(product.pk)}, JSON)
    assert response.status_code == 404


# Reading


def test_a_product_has_no_inventory_before_it_is_stocked(client):
    product = ProductFactory()
    assert client.get(f"{API}/inventory/{product.pk}").status_code == 404
    assert client.patch(
        f"{API}/inventory/{product.pk}", {"quantity_delta": 1}, JSON
    ).status_code == 404  # fmt: skip
    related = client.get(f"{API}/products/{product.pk}/inventory")
    assert (related.status_code, related.json()["data"]) == (200, None)
    included = client.get(f"{API}/products/{product.pk}?include=inventory").json()
    assert included["data"]["relationships"]["inventory"]["data"] is None
    assert included["included"] == []


def test_figures_are_summed_over_all_locations(client, mug, url):
    StockLevelFactory(product=mug.product, location__code="north", on_hand=5)
    StockLevel.objects.filter(pk=mug.pk).update(reserved=2)
    shown = attributes(client.get(url))
    assert (shown["quantity"], shown["reserved"], shown["available"]) == (12, 2, 10)


def test_a_list_costs_the_same_for_two_and_for_twenty_rows(client, django_assert_num_queries):
    address = f"{API}/inventory?include=product,stock_levels&page[size]=50"
    StockLevelFactory.create_batch(2)
    client.get(address)
    with django_assert_num_queries(2):  # products; their levels
        assert len(client.get(address).json()["data"]) == 2
    StockLevelFactory.create_batch(18)
    with django_assert_num_queries(2):
        assert len(client.get(address).json()["data"]) == 20


def test_include_brings_product_levels_and_their_locations(client, url):
    answer = client.get(f"{url}?include=product,stock_levels.location").json()
    types = sorted(resource["type"] for resource in answer["included"])
    assert types == ["locations", "products", "stock-levels"]


@pytest.mark.parametrize(
    ("query", "skus"),
    [("filter[sku]=mug", ["MUG"]), ("filter[location]=north", ["PEN"]), ("filter[sku]=CUP", [])],
)
def test_inventories_are_found_by_sku_and_location(client, mug, query, skus):
    StockLevelFactory(product__sku="PEN", location__code="north")
    answer = client.get(f"{API}/inventory?include=product&{query}").json()
    assert [one["attributes"]["sku"] for one in answer["included"]] == skus


# Changing


def test_a_plain_decrement_and_the_movement_that_explains_it(client, mug, url):
    response = client.patch(url, {"quantity_delta": -3, "reference": "ORDER-1"}, JSON)
    assert (response.status_code, attributes(response)["quantity"]) == (200, 4)
    (movement, _) = client.get(f"{API}/stock-movements").json()["data"]
    shown = movement["attributes"]
    assert shown.pop("created_at") == attributes(response)["last_updated"]
    assert shown == {
        "delta": -3,
        "on_hand_after": 4,
        "sequence": 2,
        "reason": "sale",
        "reference": "ORDER-1",
        "note": "",
        "actor": "tester",
        "request_id": response["X-Request-ID"],
    }


def test_a_jsonapi_decrement(client, mug, url):
    document = {
        "data": {
            "type": "inventory",
            "id": str(mug.product_id),
            "attributes": {"quantity_delta": -3},
        }
    }
    assert attributes(client.patch(url + "/", document))["quantity"] == 4


def test_the_answer_to_a_change_equals_what_the_serializer_makes(client, mug, url, monkeypatch):
    StockLevelFactory(product=mug.product, location__code="north", on_hand=5)
    quick = client.patch(url, {"quantity_delta": -1}, JSON)
    by_serializer = client.get(url)
    assert quick.content == by_serializer.content
    assert quick["ETag"] == by_serializer["ETag"]


def test_too_much_is_refused_and_nothing_changes(client, mug, url):
    response = client.patch(url, {"quantity_delta": -8}, JSON)
    assert errors(response) == [("422", "insufficient_stock", "/quantity_delta")]
    assert response.json()["errors"][0]["meta"] == {
        "requested": 8,
        "available": 7,
        "shortfall": 1,
        "product_id": str(mug.product_id),
        "sku": "MUG",
    }
    assert StockMovement.objects.count() == 1
    assert not Event.objects.filter(request_id=response["X-Request-ID"]).exists()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, ("422", "required", "")),
        ({"quantity_delta": 0}, ("422", "invalid", "/quantity_delta")),
        ({"quantity_delta": 10**9 + 1}, ("422", "max_value", "/quantity_delta")),
        ({"quantity_delta": -(10**9) - 1}, ("422", "min_value", "/quantity_delta")),
        ({"quantity_delta": 10**30}, ("422", "max_value", "/quantity_delta")),
        ({"quantity_delta": "1"}, ("422", "invalid", "/quantity_delta")),
        ({"quantity_delta": 1.5}, ("422", "invalid", "/quantity_delta")),
        ({"quantity_delta": False}, ("422", "invalid", "/quantity_delta")),
        ({"quantity_delta": None}, ("422", "null", "/quantity_delta")),
        ({"quantity_delta": -1, "reason": "receipt"}, ("422", "invalid", "/reason")),
        ({"quantity_delta": -1, "reason": "theft"}, ("422", "invalid_choice", "/reason")),
        ({"quantity_delta": -1, "note": "x" * 1001}, ("422", "max_length", "/note")),
        ({"quantity_delta": -1, "reference": "x" * 256}, ("422", "max_length", "/reference")),
        ({"quantity_delta": -1, "location": "nowhere"}, ("404", "not_found", "/location")),
        ({"quantity_delta": -1, "quantity": 3}, ("422", "invalid", "/quantity")),
        (
            {"quantity_delta": -1, "expected_quantity": 8},
            ("409", "stale_quantity", "/expected_quantity"),
        ),
        (
            {"quantity": 3, "expected_quantity": 7, "reason": "sale"},
            ("422", "invalid", "/reason"),
        ),
        ({"quantity": 3}, ("428", "precondition_required", None)),
        ({"quantity": -1, "expected_quantity": 7}, ("422", "min_value", "/quantity")),
        ({"quantity": 3, "expected_quantity": 8}, ("409", "stale_quantity", "/expected_quantity")),
    ],
)
def test_a_change_that_makes_no_sense_is_refused_with_a_pointer(client, url, mug, body, expected):
    assert errors(client.patch(url, body, JSON)) == [expected]
    mug.refresh_from_db()
    assert (mug.on_hand, mug.movement_count) == (7, 1)


def test_a_guarded_count_sets_the_quantity(client, url):
    response = client.patch(url, {"quantity": 4, "expected_quantity": 7}, JSON)
    assert attributes(response)["quantity"] == 4
    assert StockMovement.objects.get(sequence=2).reason == "count"


def test_if_match_guards_a_count_as_well(client, url):
    tag = client.get(url)["ETag"]
    client.patch(url, {"quantity_delta": -1}, JSON)
    stale = client.patch(url, {"quantity": 4}, JSON, headers={"If-Match": tag})
    assert errors(stale) == [("412", "precondition_failed", None)]
    fresh = client.get(url)["ETag"]
    response = client.patch(url, {"quantity": 4}, JSON, headers={"If-Match": fresh})
    assert (response.status_code, attributes(response)["quantity"]) == (200, 4)


def test_if_match_any_is_no_proof_of_what_was_seen(client, url):
    response = client.patch(url, {"quantity": 4}, JSON, headers={"If-Match": "*"})
    assert errors(response) == [("428", "precondition_required", None)]


def test_the_current_quantity_again_is_no_change(client, url, mug):
    before = client.get(url)
    response = client.patch(url, {"quantity": 7}, JSON)
    assert response.status_code == 200
    assert response.content == before.content


def test_a_whole_inventory_can_be_sent_back_as_it_was_fetched(client, url, mug):
    document = client.get(url).json()
    response = client.patch(url, document)
    assert response.status_code == 200
    document["data"]["attributes"]["quantity_delta"] = -2
    assert attributes(client.patch(url, document))["quantity"] == 5


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"product_id": str(uuid4())}, ("422", "invalid", "/product_id")),
        ({"product_id": None}, ("422", "invalid", "/product_id")),
        ({"product": str(uuid4())}, ("403", "read_only", "/product")),
        ({"stock_levels": []}, ("403", "read_only", "/stock_levels")),
    ],
)
def test_what_an_inventory_is_of_is_not_changed_in_silence(client, url, mug, change, expected):
    response = client.patch(url, {"quantity_delta": -1} | change, JSON)
    assert errors(response) == [expected]
    assert attributes(client.get(url))["quantity"] == 7


def test_a_plain_client_may_send_it_as_it_is(client, url, mug):
    same = attributes(client.get(url)) | {"product": str(mug.product_id)}
    response = client.patch(url, same | {"quantity_delta": -1}, JSON)
    assert (response.status_code, attributes(response)["quantity"]) == (200, 6)


def test_so_can_one_of_a_product_at_several_locations(client, url, mug):
    StockLevelFactory(product=mug.product, location__code="north", on_hand=2)
    document = client.get(url).json()
    response = client.patch(url, document)
    assert (response.status_code, attributes(response)["quantity"]) == (200, 9)
    assert StockMovement.objects.count() == 2
    document["data"]["attributes"]["quantity_delta"] = -8
    assert attributes(client.patch(url, document))["quantity"] == 1


@pytest.mark.parametrize(
    "relationships",
    [
        {"product": {"data": None}},
        {"product": {"data": {"type": "products", "id": str(uuid4())}}},
        {"stock_levels": {"data": []}},
    ],
)
def test_what_an_inventory_consists_of_cannot_be_written(client, url, mug, relationships):
    resource = {
        "type": "inventory",
        "id": str(mug.product_id),
        "attributes": {"quantity_delta": -1},
        "relationships": relationships,
    }
    response = client.patch(url, {"data": resource})
    (name,) = relationships
    assert errors(response) == [("403", "read_only", f"/data/relationships/{name}")]


def test_a_product_at_several_locations_is_counted_at_one_of_them(client, mug, url):
    StockLevelFactory(product=mug.product, location__code="north", on_hand=5)
    body = {"quantity": 4, "expected_quantity": 5}
    assert errors(client.patch(url, body, JSON)) == [("422", "location_required", "")]
    assert attributes(client.patch(url, body | {"location": "north"}, JSON))["quantity"] == 11


def test_a_missing_inventory_comes_before_a_wrong_body(client):
    response = client.patch(f"{API}/inventory/{uuid4()}", {"quantity_delta": "x"}, JSON)
    assert errors(response) == [("404", "not_found", None)]


# Locations


def test_a_location_is_made_changed_and_deleted(client):
    made = client.post(f"{API}/locations", {"code": "North", "name": "North hall"}, JSON)
    assert (made.status_code, attributes(made)["code"]) == (201, "north")
    assert (attributes(made)["priority"], attributes(made)["is_active"]) == (100, True)
    url = made["Location"]
    changed = client.patch(url, {"priority": 5, "is_active": False}, JSON)
    assert (attributes(changed)["priority"], attributes(changed)["version"]) == (5, 2)
    assert client.delete(url).status_code == 204
    assert client.get(url).status_code == 404


def test_a_location_in_use_stays(client, mug):
    response = client.delete(f"{API}/locations/{mug.location_id}")
    assert errors(response) == [("409", "location_in_use", None)]
    duplicate = client.post(f"{API}/locations", {"code": "MAIN", "name": "Again"}, JSON)
    assert errors(duplicate) == [("409", "duplicate", "/code")]


# Stock levels


@pytest.fixture
def three_levels(mug):
    StockLevelFactory(product__sku="PEN", on_hand=0, reorder_point=5)
    StockLevelFactory(product__sku="CUP", location__code="north", on_hand=50, reorder_point=50)


@pytest.mark.parametrize(
    ("query", "on_hand"),
    [
        ("filter[low]=true", [0, 50]),
        ("filter[low]=false", [7]),
        ("filter[out]=true", [0]),
        ("filter[out]=false", [7, 50]),
        ("filter[available][gte]=7", [7, 50]),
        ("filter[available][gt]=7", [50]),
        ("filter[on_hand][lt]=7", [0]),
        ("filter[on_hand][lte]=7", [0, 7]),
        ("filter[sku]=cup", [50]),
        ("filter[location]=main", [0, 7]),
        ("filter[location]=nowhere", []),
        ("filter[available][gte]=1000000000000000", []),
        ("sort=-available", [0, 7, 50]),
    ],
)
def test_stock_levels_are_filtered(client, three_levels, query, on_hand):
    answer = client.get(f"{API}/stock-levels?{query}").json()
    assert sorted(one["attributes"]["on_hand"] for one in answer["data"]) == on_hand


@pytest.mark.parametrize("field", ["available", "on_hand", "updated_at"])
def test_stock_levels_are_sorted(client, three_levels, field):
    def values(sort):
        rows = client.get(f"{API}/stock-levels?sort={sort}").json()["data"]
        return [one["attributes"][field] for one in rows]

    assert values(field) == sorted(values(field))
    assert values(f"-{field}") == values(field)[::-1]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("filter[low]=yes", "filter[low]"),
        ("filter[available][gte]=many", "filter[available][gte]"),
        ("filter[available][gte]=1e999999999", "filter[available][gte]"),
        ("filter[available][in]=1,2", "filter[available][in]"),
        ("filter[product]=no-uuid", "filter[product]"),
        ("filter[reserved]=1", "filter[reserved]"),
        ("sort=reserved", "sort"),
    ],
)
def test_a_filter_that_is_unknown_or_senseless_is_refused(client, query, parameter):
    response = client.get(f"{API}/stock-levels?{query}")
    assert response.status_code == 400
    assert response.json()["errors"][0]["source"] == {"parameter": parameter}


def test_reorder_settings_can_be_changed_and_figures_cannot(client, mug):
    url = f"{API}/stock-levels/{mug.pk}"
    response = client.patch(url, {"reorder_point": 3, "safety_stock": 1, "on_hand": 99}, JSON)
    shown = attributes(response)
    assert (shown["reorder_point"], shown["safety_stock"], shown["on_hand"]) == (3, 1, 7)
    assert errors(client.patch(url, {"reorder_point": -1}, JSON)) == [
        ("422", "min_value", "/reorder_point")
    ]
    assert client.delete(url).status_code == 405


# Movements


def test_movements_come_newest_first_in_cursor_pages(client, mug, url):
    for _ in range(4):
        client.patch(url, {"quantity_delta": -1}, JSON)
    seen, address = [], f"{API}/stock-movements?page[size]=2&filter[product]={mug.product_id}"
    while address:
        answer = client.get(address).json()
        seen += [one["attributes"]["sequence"] for one in answer["data"]]
        address = answer["links"].get("next")
    assert seen == [5, 4, 3, 2, 1]


def test_movements_are_filtered(client, mug, url):
    client.patch(url, {"quantity_delta": -1, "reference": "ORDER-1"}, JSON)

    def found(query):
        return len(client.get(f"{API}/stock-movements?{query}").json()["data"])

    assert found("filter[reason]=sale") == 1
    assert found("filter[reference]=ORDER-1") == 1
    assert found("filter[location]=main") == 2
    assert found("filter[created_at][gte]=2100-01-01T00:00:00Z") == 0
    assert found("filter[created_at][lt]=2100-01-01T00:00:00Z") == 2


def test_movements_know_only_cursor_pages_and_are_never_written(client, mug):
    response = client.get(f"{API}/stock-movements?page[number]=1")
    assert response.json()["errors"][0]["source"] == {"parameter": "page[number]"}
    movement = StockMovement.objects.get()
    assert client.post(f"{API}/stock-movements", {}, JSON).status_code == 405
    for method in (client.patch, client.delete):
        assert method(f"{API}/stock-movements/{movement.pk}", {}, JSON).status_code == 405


@pytest.mark.parametrize("body", [None, {"note": "wrong order"}])
def test_a_movement_is_reversed_over_http_once(client, mug, url, body):
    client.patch(url, {"quantity_delta": -3}, JSON)
    sale = StockMovement.objects.get(sequence=2)
    address = f"{API}/stock-movements/{sale.pk}/reverse"
    first = client.post(address, body, JSON) if body else client.generic("POST", address)
    assert first.status_code == 201
    assert attributes(first)["delta"] == 3
    assert client.get(first["Location"]).status_code == 200
    assert errors(client.generic("POST", address)) == [("409", "already_reversed", None)]


# Transfers


def test_a_transfer_shows_its_two_movements(client, mug):
    LocationFactory(code="north")
    body = {"sku": "MUG", "from_location": "main", "to_location": "north", "quantity": 3}
    made = client.post(f"{API}/transfers", body, JSON)
    assert made.status_code == 201
    linkage = made.json()["data"]["relationships"]["movements"]["data"]
    assert len(linkage) == 2
    answer = client.get(made["Location"] + "?include=movements,from_location").json()
    deltas = [one["attributes"].get("delta") for one in answer["included"]]
    assert sorted(filter(None, deltas)) == [-3, 3]
    back = client.generic("POST", made["Location"] + "/reverse")
    assert (back.status_code, attributes(back)["quantity"]) == (201, 3)
    assert errors(client.generic("POST", made["Location"] + "/reverse"))[0][1] == "already_reversed"


def test_a_leg_of_a_transfer_is_not_reversed_alone(client, mug):
    LocationFactory(code="north")
    body = {"sku": "MUG", "from_location": "main", "to_location": "north", "quantity": 3}
    client.post(f"{API}/transfers", body, JSON)
    leg = StockMovement.objects.filter(transfer__isnull=False).first()
    response = client.generic("POST", f"{API}/stock-movements/{leg.pk}/reverse")
    assert errors(response) == [("409", "part_of_transfer", None)]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"quantity": 8}, ("422", "insufficient_stock", "/quantity")),
        ({"quantity": 0}, ("422", "min_value", "/quantity")),
        ({"to_location": "main"}, ("422", "invalid", "/to_location")),
        ({"to_location": "nowhere"}, ("404", "not_found", "/to_location")),
        ({"from_location": None}, ("422", "null", "/from_location")),
    ],
)
def test_a_transfer_that_cannot_be_is_refused(client, mug, change, expected):
    LocationFactory(code="north")
    body = {"sku": "MUG", "from_location": "main", "to_location": "north", "quantity": 3}
    assert errors(client.post(f"{API}/transfers", body | change, JSON)) == [expected]


# Who may


def test_reading_needs_the_read_scope_and_writing_the_write_scope(api_client, mug, url):
    reader = api_client("inventory:read")
    assert reader.get(url).status_code == 200
    refused = reader.patch(url, {"quantity_delta": -1}, JSON)
    assert errors(refused) == [("403", "permission_denied", None)]
    assert "inventory:write" in refused.json()["errors"][0]["detail"]
    assert api_client("products:read").get(url).status_code == 403


def test_every_link_that_is_given_out_works(client, mug):
    LocationFactory(code="north")
    body = {"sku": "MUG", "from_location": "main", "to_location": "north", "quantity": 3}
    client.post(f"{API}/transfers", body, JSON)
    for name in ("inventory", "stock-levels", "stock-movements", "transfers", "locations"):
        for resource in client.get(f"{API}/{name}").json()["data"]:
            links = [resource["links"]["self"]]
            for relationship in resource.get("relationships", {}).values():
                links += relationship["links"].values()
            for link in links:
                assert client.get(link).status_code == 200, link


def test_the_default_location_is_there_from_the_start(client):
    assert Location.objects.default().name == "Main"
    assert JSONAPIRenderer.media_type == client.get(f"{API}/locations")["Content-Type"]
