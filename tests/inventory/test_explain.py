"""Why is it N: the sums behind a product's figures."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from django.db import connection

from common.database import database_now
from common.errors import DomainError
from inventory import operations, queries
from inventory.models import StockDay, StockLevel, StockMovement
from inventory.operations.days import summarise_days
from inventory.queries import explaining
from inventory.rules import Change
from products.operations import delete_product
from tests.factories import LocationFactory, ProductFactory, StockLevelFactory
from tests.inventory.promise_pages import held, in_days, ordered, past_its_time
from tests.inventory.stock_pages import moved
from tests.openapi import assert_matches_schema

pytestmark = pytest.mark.django_db

LEDGER = "inventory_stockmovement"


@pytest.fixture
def mug() -> StockLevel:
    LocationFactory(code="outlet", name="Outlet", priority=200)
    return StockLevelFactory(product__sku="MUG", product__name="Mug", on_hand=10)


def explained(level: StockLevel, **asked):
    found = queries.explain(level.product, **asked)
    assert found is not None
    assert sum(each.units for each in found.sums) == found.on_hand
    for one in found.levels:
        assert sum(each.units for each in one.sums) == one.on_hand
    return found


def sums(found) -> dict[str, tuple[int, int]]:
    return {each.reason: (each.units, each.movements) for each in found.sums}


def ask(client, level, query=""):
    return client.get(f"/api/v1/inventory/{level.product_id}/explain{query}")


# The sums


def test_each_reason_is_summed_up_and_the_opening_stands_for_itself(mug):
    moved(mug, -3, 5, -1)
    operations.transfer_stock(sku="MUG", from_location="main", to_location="outlet", quantity=2)
    ordered("PO-1", 4, days=None)
    found = explained(mug)
    assert sums(found) == {
        "opening": (10, 1),
        "receipt": (9, 2),
        "transfer_in": (2, 1),
        "sale": (-4, 2),
        "transfer_out": (-2, 1),
    }
    main, outlet = found.levels
    assert (main.location, main.on_hand, outlet.location, outlet.on_hand) == (
        "main",
        13,
        "outlet",
        2,
    )
    assert [one.location for one in explained(mug, location_id=mug.location_id).levels] == ["main"]


def test_a_first_delivery_with_a_reference_is_no_opening(mug):
    StockLevelFactory(product__sku="PEN", on_hand=0)
    ordered("PO-1", 4, sku="PEN", days=None)
    pen = StockLevel.objects.get(product__sku="PEN")
    assert sums(explained(pen)) == {"receipt": (4, 1)}


def test_a_level_on_which_nothing_has_moved_has_no_sums():
    level = StockLevelFactory(on_hand=0)
    assert sums(explained(level)) == {}


def test_a_product_that_was_never_stocked_has_no_explanation():
    assert queries.explain(ProductFactory()) is None


def test_units_that_no_movement_explains_are_told(mug):
    StockLevel.objects.filter(pk=mug.pk).update(on_hand=12)
    assert sums(explained(mug)) == {"opening": (10, 1), "unexplained": (2, 0)}


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("are_days_summed_up", [False, True])
@pytest.mark.slow
def test_whatever_happens_the_sums_add_up_to_the_ledger_at_every_moment(
    mug, seed, are_days_summed_up
):
    """The days are those on which it happened: the moves are spread over a month of history."""
    chance = random.Random(seed)  # noqa: S311  the same every time
    _happen(mug, chance)
    _spread_over_days(chance)
    if are_days_summed_up:
        summarise_days()
        assert StockDay.objects.exists()
    movements = list(StockMovement.objects.order_by("created_at", "pk"))
    assert sums(explained(mug)) == _by_hand(movements)
    for movement in chance.sample(movements, 5):
        past = explained(mug, as_of=movement.created_at)
        before = [one for one in movements if one.created_at <= movement.created_at]
        assert sums(past) == _by_hand(before)


def _happen(level: StockLevel, chance: random.Random) -> None:
    product_id = level.product_id
    for _ in range(40):
        place = chance.choice(["main", "outlet"])
        other = "main" if place == "outlet" else "outlet"
        units = chance.randint(1, 6)
        try:
            match chance.choice(["delta", "delta", "count", "transfer", "reverse", "batch"]):
                case "delta":
                    signed = chance.choice([-units, units])
                    change = Change(product_id=product_id, delta=signed, location=place)
                    operations.adjust_stock(changes=[change])
                case "count":
                    now = StockLevel.objects.filter(product=product_id, location__code=place)
                    expected = now.values_list("on_hand", flat=True).first() or 0
                    change = Change(
                        product_id=product_id, count=units, expected=expected, location=place
                    )
                    operations.adjust_stock(changes=[change])
                case "transfer":
                    operations.transfer_stock(
                        sku="MUG", from_location=place, to_location=other, quantity=units
                    )
                case "reverse":
                    last = StockMovement.objects.filter(transfer=None).latest("pk")
                    operations.reverse_movement(movement_id=last.pk)
                case "batch":
                    operations.create_batch(
                        reference=f"PO-{chance.random()}", sku="MUG", quantity=units, location=place
                    )
        except DomainError:
            continue


def _spread_over_days(chance: random.Random) -> None:
    """Date the movements back, in their order; the ledger's own trigger has to look away."""
    moment = database_now() - timedelta(days=30)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {LEDGER} DISABLE TRIGGER stock_movement_append_only")
        for movement in StockMovement.objects.order_by("pk"):
            moment += timedelta(hours=chance.choice([0, 1, 5, 16]), seconds=1)
            StockMovement.objects.filter(pk=movement.pk).update(created_at=moment)
        cursor.execute(f"ALTER TABLE {LEDGER} ENABLE TRIGGER stock_movement_append_only")


def _by_hand(movements) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for one in movements:
        is_opening = one.sequence == 1 and one.reason == "receipt" and not one.reference
        reason = "opening" if is_opening else one.reason
        units, count = found.get(reason, (0, 0))
        found[reason] = (units + one.delta, count + 1)
    return found


@pytest.mark.parametrize("what", ["a day is missing", "a day is wrong"])
def test_days_that_are_not_what_the_ledger_says_are_not_believed(mug, what):
    chance = random.Random(4)  # noqa: S311  the same every time
    _happen(mug, chance)
    _spread_over_days(chance)
    summarise_days()
    first = StockDay.objects.filter(stock_level=mug).order_by("day").first()
    rows = StockDay.objects.filter(stock_level=mug, day=first.day)
    if what == "a day is missing":
        rows.delete()
    else:
        rows.filter(reason=first.reason).update(units=first.units + 1)
    movements = list(StockMovement.objects.all())
    assert sums(explained(mug)) == _by_hand(movements)


# Reserved, available, incoming


def test_holds_are_named_with_order_expiry_and_place(mug):
    first, second = held("A", 2), held("B", 3)
    operations.confirm(reservation_id=second.pk)
    found = explained(mug)
    assert (found.reserved, found.overdue, found.available) == (5, 0, 5)
    a, b = found.holds
    assert (a.order_reference, a.reservation_id, a.quantity) == ("A", first.pk, 2)
    assert (a.status, a.expires_at, a.location) == ("active", first.expires_at, "main")
    assert (b.status, b.expires_at, b.is_overdue) == ("confirmed", None, False)


def test_holds_past_their_time_are_reserved_still_and_told_apart(mug):
    past_its_time(held("A", 2))
    held("B", 3)
    found = explained(mug)
    assert (found.reserved, found.overdue, found.available) == (5, 2, 5)
    assert [one.is_overdue for one in found.holds] == [True, False]


def test_so_many_holds_are_named_and_the_others_counted(mug, monkeypatch):
    assert explaining.MOST_NAMED == 100
    monkeypatch.setattr(explaining, "MOST_NAMED", 3)
    for number in range(5):
        held(f"ORDER-{number}", 2 if number >= 3 else 1)
        ordered(f"PO-{number}", 1, days=number + 1)
    found = explained(mug)
    assert [one.order_reference for one in found.holds] == [f"ORDER-{n}" for n in range(3)]
    assert (found.other_holds.count, found.other_holds.quantity) == (2, 4)
    assert [one.reference for one in found.batches] == [f"PO-{n}" for n in range(3)]
    assert (found.other_batches.count, found.other_batches.quantity) == (2, 2)
    assert (found.reserved, found.incoming) == (7, 5)


def test_what_is_on_its_way_is_named_with_its_eta(mug):
    ordered("LATER", 6, days=9)
    ordered("SOON", 5, days=2)
    operations.receive_batch(
        batch_id=StockLevel.objects.get(pk=mug.pk).product.batches.get(reference="SOON").pk,
        quantity=1,
    )
    held("A", 13)
    found = explained(mug)
    soon, later = found.batches
    assert (soon.reference, soon.outstanding, soon.allocated) == ("SOON", 4, 2)
    assert (soon.eta, later.eta, later.outstanding) == (in_days(2), in_days(9), 6)
    assert found.incoming == 10
    assert (found.reserved, found.available) == (11, 0)


# The API


def test_programs_get_the_same(client, mug):
    held("A", 2)
    ordered("PO", 5)
    moved(mug, -3)
    response = ask(client, mug)
    assert response.status_code == 200
    assert_matches_schema(response, "explainInventory")
    data = response.json()["data"]
    assert (data["type"], data["id"]) == ("inventory-explanations", str(mug.product_id))
    assert data["links"]["self"].endswith(f"/inventory/{mug.product_id}/explain")
    told = data["attributes"]
    assert (told["quantity"], told["reserved"], told["available"], told["incoming"]) == (7, 2, 5, 5)
    assert told["sums"] == [
        {"reason": "opening", "units": 10, "movements": 1},
        {"reason": "sale", "units": -3, "movements": 1},
    ]
    assert told["holds"][0]["order_reference"] == "A"
    assert told["batches"][0]["reference"] == "PO"
    assert told["levels"][0]["sums"] == told["sums"]
    inventory = client.get(f"/api/v1/inventory/{mug.product_id}").json()["data"]["attributes"]
    for name in ("quantity", "reserved", "available", "incoming"):
        assert told[name] == inventory[name]
    again = client.get(
        f"/api/v1/inventory/{mug.product_id}/explain/",
        headers={"If-None-Match": response["ETag"]},
    )
    assert again.status_code == 304 or again.json()["links"] != response.json()["links"]


def test_one_location_is_explained_alone(client, mug):
    operations.transfer_stock(sku="MUG", from_location="main", to_location="outlet", quantity=2)
    for named in ("outlet", "OUTLET"):
        told = ask(client, mug, f"?location={named}").json()["data"]["attributes"]
        assert (told["quantity"], [one["location"] for one in told["levels"]]) == (2, ["outlet"])


def test_an_explanation_takes_as_many_queries_for_one_hold_as_for_many(
    client, mug, django_assert_num_queries
):
    moved(mug, 50)
    for wanted in range(3):
        held(f"ORDER-{wanted}", 1)
        ask(client, mug)
        with django_assert_num_queries(2):
            ask(client, mug)


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("?colour=red", "colour"),
        ("?as_of=yesterday", "as_of"),
        ("?as_of=", "as_of"),
        ("?as_of=2999-01-01T00:00:00Z", "as_of"),
        ("?as_of=2020-01-01T00:00:00Z&as_of=2021-01-01T00:00:00Z", "as_of"),
        ("?as_of=9999-12-31T23:59:59-12:00", "as_of"),
        ("?as_of=%00", "as_of"),
        ("?location=%00", "location"),
        ("?include=product", "include"),
        ("?page[size]=1", "page[size]"),
    ],
)
def test_a_parameter_that_makes_no_sense_is_refused_by_its_name(client, mug, query, parameter):
    response = ask(client, mug, query)
    assert response.status_code == 400
    (error,) = response.json()["errors"]
    assert error["source"] == {"parameter": parameter}


@pytest.mark.parametrize("location", ["nowhere", ""])
def test_a_location_that_is_not_there_is_not_found(client, mug, location):
    response = ask(client, mug, f"?location={location}")
    assert response.status_code == 404
    assert response.json()["errors"][0]["code"] == "not_found"


def test_where_there_is_no_stock_level_there_is_nothing_to_explain(client, mug):
    LocationFactory(code="empty")
    assert ask(client, mug, "?location=empty").status_code == 404
    never = StockLevelFactory.build(product=ProductFactory())
    assert ask(client, never).status_code == 404
    delete_product(product_id=mug.product_id)
    assert ask(client, mug).status_code == 404


def test_words_are_for_reading_alone(client, mug):
    address = f"/api/v1/inventory/{mug.product_id}?as_of=2020-01-01T00:00:00Z"
    response = client.patch(address, {"quantity_delta": -1}, "application/json")
    assert response.status_code == 400
    assert response.json()["errors"][0]["source"] == {"parameter": "as_of"}


def test_reading_takes_the_scope(api_client, mug):
    assert ask(api_client("products:read"), mug).status_code == 403
    assert ask(api_client("inventory:read"), mug).status_code == 200
