"""Stock as it was, at any moment."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inventory import queries
from inventory.models import StockLevel
from inventory.models.days import start_of
from inventory.operations.days import summarise_days
from tests.factories import LocationFactory, ProductFactory
from tests.inventory.days import day, moved, noon, stocked
from tests.plans import plans_of

pytestmark = pytest.mark.django_db

MANY = 5_000
FILL = """
INSERT INTO inventory_stockmovement (
    id, stock_level_id, product_id, location_id, sequence, delta, on_hand_after, reason,
    reference, note, actor, request_id, created_at
)
SELECT gen_random_uuid(), %(level)s, %(product)s, %(location)s, n, 1, n, 'receipt', '', '', 'a',
    'r', %(start)s::timestamptz + n * interval '1 minute'
FROM generate_series(1, %(many)s) AS n
"""


@pytest.fixture
def mug() -> StockLevel:
    """10 units five days ago at noon, 7 since three days ago, 9 since yesterday."""
    level = stocked(5, 10, sku="MUG")
    moved(level, 3, -3)
    moved(level, 1, 2)
    return level


@pytest.fixture
def busy() -> StockLevel:
    """A level that got one unit a minute, very often."""
    product, location = ProductFactory(), LocationFactory(code="main")
    level = StockLevel.objects.create(
        product=product, location=location, on_hand=MANY, movement_count=MANY
    )
    facts = {"level": level.pk, "product": product.pk, "location": location.pk}
    with connection.cursor() as cursor:
        cursor.execute(FILL, facts | {"many": MANY, "start": START})
        cursor.execute("ANALYZE inventory_stockmovement")
    return level


START = datetime.combine(datetime.now(UTC) - timedelta(days=9), time.min, tzinfo=UTC)


def ask(client, level, instant):
    return client.get(f"/api/v1/inventory/{level.product_id}", {"as_of": instant.isoformat()})


def test_on_hand_is_that_of_the_last_movement_by_then(mug):
    instants = [noon(6), noon(5) - timedelta(microseconds=1), noon(5), noon(3), noon(2), noon(0)]
    assert queries.on_hand_at(mug.product_id, instants) == [0, 0, 10, 10, 7, 9]


def test_a_movement_counts_from_its_very_moment(mug):
    moment = mug.movements.get(sequence=2).created_at
    before = moment - timedelta(microseconds=1)
    assert queries.on_hand_at(mug.product_id, [before, moment]) == [10, 7]


@pytest.mark.parametrize("minute", [0, 1, 2, 2_499, 2_500, MANY - 1, MANY, MANY + 9])
@pytest.mark.slow
def test_the_moment_is_found_among_many(busy, minute):
    instant = START + timedelta(minutes=minute, seconds=30)
    assert queries.on_hand_at(busy.product_id, [instant]) == [min(minute, MANY)]
    found = queries.explain(busy.product, as_of=instant)
    assert found.on_hand == min(minute, MANY) == sum(one.units for one in found.sums)


def test_it_takes_a_few_look_ups_in_a_ledger_of_any_length(busy):
    instant = START + timedelta(minutes=1_234)
    (plan,) = plans_of(lambda: queries.stock_at(busy.product_id, instant))
    assert plan.read_from_end_to_end == set()
    assert plan.rows_read < 40
    (plan,) = plans_of(lambda: queries.on_hand_at(busy.product_id, [instant] * 90))
    assert plan.rows_read < 90 * 20


def test_an_explanation_reads_the_days_that_are_summed_up_and_not_their_movements(busy):
    summarise_days()
    for instant in (None, START + timedelta(days=2, hours=1)):
        (plan,) = plans_of(lambda instant=instant: queries.explain(busy.product, as_of=instant))
        assert plan.read_from_end_to_end == set()
        assert plan.rows_read < 300
        found = queries.explain(busy.product, as_of=instant)
        assert sum(one.movements for one in found.sums) == found.on_hand


def test_all_days_of_a_chart_are_one_query(mug):
    instants = queries.day_ends(noon(0), 90)
    assert len(instants) == 90
    with CaptureQueriesContext(connection) as sent:
        units = queries.on_hand_at(mug.product_id, instants)
    assert len(sent) == 1
    assert units[-7:] == [0, 10, 10, 7, 7, 9, 9]


@pytest.mark.parametrize(
    ("zone", "changed"),
    [
        ("America/Santiago", date(2025, 9, 7)),  # its first hour did not exist
        ("America/Havana", date(2025, 11, 2)),  # its first hour came twice
    ],
    ids=["skipped", "repeated"],
)
def test_where_clocks_are_changed_at_midnight_the_stock_is_what_it_was(settings, zone, changed):
    settings.TIME_ZONE = zone
    level = stocked((day(0) - changed).days + 30, 10, sku="CUP")
    ends = queries.day_ends(start_of(changed) + timedelta(hours=30), 3)
    assert queries.on_hand_at(level.product_id, ends) == [10, 10, 10]


def test_days_end_at_midnight_of_the_projects_time_zone(settings):
    settings.TIME_ZONE = "America/New_York"
    first, second, now = queries.day_ends(datetime(2026, 11, 2, 3, tzinfo=UTC), 3)
    assert (first, second) == (
        datetime(2026, 10, 31, 4, tzinfo=UTC),
        datetime(2026, 11, 1, 4, tzinfo=UTC),
    )
    assert now == datetime(2026, 11, 2, 3, tzinfo=UTC)


# The API


def test_an_inventory_can_be_asked_for_as_it_was(client, mug):
    response = ask(client, mug, noon(2))
    assert response.status_code == 200
    document = response.json()
    assert document["data"]["type"] == "inventory"
    last = mug.movements.get(sequence=2).created_at
    assert document["data"]["attributes"] == {
        "product_id": str(mug.product_id),
        "quantity": 7,
        "last_updated": last.astimezone(UTC).isoformat().replace("+00:00", "Z"),
    }
    assert document["meta"]["locations"] == [{"location": "main", "quantity": 7}]
    assert datetime.fromisoformat(document["meta"]["as_of"]) == noon(2)
    assert "as_of=" in document["data"]["links"]["self"] == document["links"]["self"]


def test_before_its_first_stock_there_was_none(client, mug):
    document = ask(client, mug, noon(9)).json()
    assert document["data"]["attributes"] == {"product_id": str(mug.product_id), "quantity": 0}


def test_the_past_does_not_change(client, mug):
    first = ask(client, mug, noon(2))
    moved(mug, 1, -1, minutes=2)
    address = first.json()["links"]["self"]
    assert client.get(address, headers={"If-None-Match": first["ETag"]}).status_code == 304


def test_the_sums_are_those_of_the_moment(client, mug):
    address = f"/api/v1/inventory/{mug.product_id}/explain"
    told = client.get(address, {"as_of": noon(2).isoformat()}).json()["data"]["attributes"]
    assert told["quantity"] == 7
    assert told["sums"] == [
        {"reason": "opening", "units": 10, "movements": 1},
        {"reason": "sale", "units": -3, "movements": 1},
    ]
    for name in ("reserved", "overdue", "available", "incoming"):
        assert told[name] is None
    assert (told["holds"], told["batches"]) == ([], [])


@pytest.mark.parametrize("also", ["include=product", "fields[inventory]=quantity"])
def test_the_past_has_nothing_to_include_or_leave_out(client, mug, also):
    response = client.get(f"/api/v1/inventory/{mug.product_id}?as_of=2026-01-01T00:00:00Z&{also}")
    assert response.status_code == 400
    assert response.json()["errors"][0]["source"] == {"parameter": "as_of"}


@pytest.mark.parametrize(
    "instant",
    ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00%2B14:00", "2026-11-01", "2026-11-01T12:00:00"],
)
@pytest.mark.parametrize("path", ["", "/explain"])
def test_any_moment_of_the_past_can_be_asked_for_or_is_refused_in_words(client, mug, instant, path):
    response = client.get(f"/api/v1/inventory/{mug.product_id}{path}?as_of={instant}")
    assert response.status_code in {200, 400}


def test_who_has_no_inventory_had_none(client, mug):
    level = StockLevel(product=ProductFactory())
    assert ask(client, level, noon(2)).status_code == 404


def test_a_day_is_counted_to_its_end(mug):
    assert start_of(day(0)) in queries.day_ends(noon(0), 3)
