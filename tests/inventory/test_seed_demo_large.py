"""The large demo: written past the operations, and not to be told from what they would write."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from itertools import islice, pairwise
from math import gcd
from threading import Barrier
from uuid import RFC_4122

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models import F, Q

from common.database import database_now
from common.events.models import Event
from inventory.management.demo import assortment, loading, marking, rows, shop, trade
from inventory.models import Location, StockLevel, StockMovement
from inventory.operations import adjust_stock, reverse_movement
from inventory.rules import Change
from products import rules
from products.models import Category, Product
from tests.racing import race

pytestmark = pytest.mark.slow

SCHEMA = """
SELECT pg_get_indexdef(indexrelid), obj_description(indexrelid, 'pg_class'), indisvalid
FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
WHERE relnamespace = 'public'::regnamespace
UNION ALL
SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid),
    obj_description(oid, 'pg_constraint'), convalidated
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL
SELECT pg_get_triggerdef(oid), NULL, tgenabled = 'O' FROM pg_trigger WHERE NOT tgisinternal
ORDER BY 1
"""


def seed_demo(**options) -> str:
    output = StringIO()
    call_command("seed_demo", stdout=output, **options)
    return output.getvalue().strip()


def schema() -> list[tuple]:
    """Every index, constraint and trigger, with its comment and whether it is in force."""
    with connection.cursor() as cursor:
        cursor.execute(SCHEMA)
        return cursor.fetchall()


def content() -> list[list[tuple]]:
    """What is in the tables, but for the ids and moments that the database gives."""
    figures = ["product__sku", "location__code", "sequence", "delta", "reason", "created_at", "pk"]
    return [
        list(Product.objects.order_by("sku").values_list("pk", "sku", "name", "price", "barcode")),
        list(StockLevel.objects.order_by("pk").values_list("pk", "on_hand", "movement_count")),
        list(StockMovement.objects.order_by("pk").values_list(*figures)),
    ]


def clear() -> None:
    with connection.cursor() as cursor:  # as at the end of the loading transaction
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    seed_demo(clear=True)


@pytest.fixture(autouse=True)
def no_small_shop(monkeypatch):
    """It has its own tests, and takes longer than hundreds of products here."""
    for module in (loading, shop):
        monkeypatch.setattr(module, "ARTICLES", ())


@pytest.fixture
def large_demo(db):
    said = seed_demo(products=300, movements=1_000)
    assert said.startswith("The demo is loaded: 300 products and 1000 movements in ")


@pytest.fixture
def no_mark_left():
    yield
    with connection.cursor() as cursor:  # emptying tables after a test leaves comments alone
        cursor.execute("COMMENT ON TABLE inventory_stockmovement IS NULL")


# The assortment


def test_every_product_of_the_assortment_would_be_accepted_from_a_client():
    items = list(assortment.items(2_000))
    for item in items:
        assert rules.sku(item.sku) == item.sku
        assert 0 < item.cents <= 999_999
        assert item.name.strip() == item.name
        assert len(item.name) <= 255
        assert item.barcode == "" or rules.barcode(item.barcode).startswith("952")
        assert item.status in Product.Status.values
    assert len({item.sku for item in items}) == len(items)
    assert len({item.name for item in items}) > 0.99 * len(items)


def test_skus_and_barcodes_stay_unique_up_to_a_million():
    assert gcd(assortment.SHUFFLE, assortment.NUMBERS) == 1
    assert 1_000_000 < assortment.NUMBERS < assortment.HALF**2


def test_a_larger_assortment_begins_like_a_smaller_one():
    assert list(assortment.items(50)) == list(islice(assortment.items(200), 50))


def test_the_assortment_is_mixed_as_a_shops_is():
    items = list(assortment.items(2_000))
    share = {status: sum(item.status == status for item in items) for status in Product.Status}
    assert share["active"] > 0.9 * len(items)
    assert min(share.values()) > 0.01 * len(items)
    assert 0.9 < sum(bool(item.barcode) for item in items) / len(items) < 1
    assert 0.7 < sum(bool(item.picture) for item in items) / len(items) < 0.9
    assert {item.kind for item in items} == set(assortment.KINDS)


# What is loaded


@pytest.mark.usefixtures("large_demo")
def test_there_are_as_many_as_were_asked_for_and_the_ledger_agrees():
    assert Product.objects.count() == 300
    assert StockMovement.objects.count() == 1_000
    assert marking.marked() == marking.Size(300, 1_000)
    assert Category.objects.count() == 8 + len(assortment.KINDS)
    assert not Product.objects.filter(category=None).exists()
    call_command("verify_stock", stderr=StringIO())
    assert set(StockMovement.objects.values_list("actor", flat=True)) == {"seed_demo"}
    assert StockMovement.objects.values("request_id").distinct().count() == 1
    kinds = set(StockMovement.objects.values_list("reason", flat=True))
    assert kinds == {"receipt", "sale", "return", "damage", "count"}


@pytest.mark.usefixtures("large_demo")
def test_movements_say_the_same_as_the_levels_they_belong_to():
    strange = ~Q(product=F("stock_level__product")) | ~Q(location=F("stock_level__location"))
    assert not StockMovement.objects.filter(strange).exists()
    assert not StockMovement.objects.filter(created_at__lt=F("product__created_at")).exists()
    assert not StockLevel.objects.exclude(version=F("movement_count") + 1).exists()
    last = StockMovement.objects.filter(sequence=F("stock_level__movement_count"))
    assert not last.exclude(created_at=F("stock_level__updated_at")).exists()


@pytest.mark.usefixtures("large_demo")
def test_some_levels_are_empty_some_are_low_and_some_are_at_the_depot():
    levels = StockLevel.objects.all()
    assert 0 < levels.filter(on_hand=0).count() < 60
    assert 0 < levels.low().count() < 60
    assert 0 < levels.filter(location__code="north-depot").count() < 150
    assert not levels.filter(product__status="draft").exists()


@pytest.mark.usefixtures("large_demo")
def test_ids_are_in_the_order_of_creation_and_hold_its_moment():
    now = database_now()
    for model in (Product, StockLevel, StockMovement):
        lines = list(model.objects.order_by("pk").values_list("pk", "created_at"))
        assert all(before[1] < after[1] for before, after in pairwise(lines))
        assert {(pk.version, pk.variant) for pk, _ in lines} == {(7, RFC_4122)}
        assert all(pk.int >> 80 == round(moment.timestamp() * 1_000) for pk, moment in lines)
        assert now - timedelta(days=732) < lines[0][1] < lines[-1][1] < now


@pytest.mark.usefixtures("large_demo")
def test_large_demos_are_no_news():
    assert not Event.objects.filter(type__startswith="product.").exists()
    assert not Event.objects.filter(type="stock.changed").exists()


@pytest.mark.usefixtures("large_demo")
def test_the_products_are_found_and_sold_like_any_others(client):
    level = StockLevel.objects.filter(location__code="main", on_hand__gt=5).first()
    model = level.product.name.split()[1]
    page = client.get("/api/v1/products", {"filter[search]": model.lower()})
    assert str(level.product_id) in [found["id"] for found in page.json()["data"]]
    adjust_stock(changes=[Change(level.product_id, delta=-1, location="main")])
    reverse_movement(movement_id=level.movements.latest("sequence").pk)
    call_command("verify_stock", stderr=StringIO())


@pytest.mark.usefixtures("large_demo")
def test_plans_know_at_once_how_much_there_is():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT reltuples, relallvisible > 0 FROM pg_class WHERE relname = ANY(%s)"
            " ORDER BY reltuples",
            [["products_product", "inventory_stockmovement"]],
        )
        assert cursor.fetchall() == [(300, True), (1_000, True)]


def test_without_a_number_of_movements_each_stocked_level_has_its_first(db):
    seed_demo(products=200)
    stocked = StockLevel.objects.filter(on_hand__gt=0)
    assert StockMovement.objects.count() == stocked.count()
    assert not StockLevel.objects.exclude(movement_count=F("version") - 1).exists()
    call_command("verify_stock", stderr=StringIO())


def test_pictures_are_where_the_server_is_said_to_be(db):
    seed_demo(products=20, image_base="https://shop.example.com/demo/")
    images = Product.objects.exclude(images=[]).values_list("images", flat=True)
    assert all(image.startswith("https://shop.example.com/demo/") for [image] in images)
    assert len(images) == 16


# Indexes and constraints


def test_indexes_constraints_and_their_comments_are_the_same_afterwards(db):
    with connection.cursor() as cursor:
        cursor.execute("COMMENT ON INDEX product_by_price IS 'It''s for the price.'")
        cursor.execute(
            "COMMENT ON CONSTRAINT stock_level_one_place ON inventory_stocklevel IS '100 %'"
        )
    before = schema()
    assert len([name for name, comment, _ in before if comment]) == 2
    seed_demo(products=20)
    assert schema() == before


@pytest.mark.django_db(transaction=True)
def test_a_load_that_fails_on_the_way_leaves_everything_as_it_was(monkeypatch, no_mark_left):
    before = schema(), content(), Category.objects.count(), Location.objects.count()
    monkeypatch.setattr(rows, "levels", lambda *_: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        seed_demo(products=20)
    after = schema(), content(), Category.objects.count(), Location.objects.count()
    assert after == before
    assert marking.marked() is None


@pytest.mark.django_db(transaction=True)
def test_a_row_that_the_database_refuses_is_not_loaded(monkeypatch, no_mark_left):
    """The CHECK constraints stay in force: they are what the rows are held against."""
    before = schema()
    monkeypatch.setattr(trade, "DELIVERY", -1)
    monkeypatch.setattr(trade, "LARGEST_ORDER", 1_000)
    with pytest.raises(Exception, match="violates check constraint"):
        seed_demo(products=20, movements=500)
    assert not Product.objects.exists()
    assert schema() == before


# Once


@pytest.mark.usefixtures("large_demo")
def test_a_second_run_changes_nothing_and_another_size_is_refused():
    before = content()
    for options in ({}, {"products": 300}, {"products": 300, "movements": 1_000}):
        assert seed_demo(**options).startswith("A demo of 300 products and 1000 movements is there")
    for options in ({"products": 301}, {"products": 300, "movements": 999}):
        with pytest.raises(CommandError, match="of 300 products and 1000 movements is there"):
            seed_demo(**options)
    assert content() == before


@pytest.mark.usefixtures("large_demo")
def test_after_clearing_the_same_demo_can_be_loaded_again():
    before = content()
    clear()
    assert content() == [[], [], []]
    seed_demo(products=300, movements=1_000)
    assert content() == before


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"products": 9}, "--products is 10 to 1000000."),
        ({"products": 1_000_001}, "--products is 10 to 1000000."),
        ({"movements": 500}, "--movements goes with --products."),
        ({"products": 100, "movements": 3}, "has 107 movements at least"),
        ({"products": 100, "image_base": "nowhere"}, "URL"),
    ],
)
def test_what_cannot_be_loaded_is_refused(db, options, sentence):
    with pytest.raises(CommandError, match=sentence):
        seed_demo(**options)
    assert not Product.objects.exists()
    assert marking.marked() is None


@pytest.mark.django_db
def test_where_there_is_data_the_large_demo_stays_away():
    Category.objects.create(name="Mine", slug="mine")
    assert "data of its own" in seed_demo(products=20)
    assert not Product.objects.exists()


@pytest.mark.django_db
def test_who_does_not_own_the_tables_is_told():
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE pg_database_owner")  # of which ours is a member
        with pytest.raises(CommandError, match="only their owner"):
            seed_demo(products=20)
        cursor.execute("RESET ROLE")


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_while_others_use_the_tables_it_gives_up(no_mark_left):
    reads, gave_up = Barrier(2, timeout=10), Barrier(2, timeout=10)

    def somebody():
        with transaction.atomic():
            Product.objects.exists()
            reads.wait()
            gave_up.wait()

    def seeder():
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '20ms'")
        reads.wait()
        try:
            return seed_demo(products=20)
        finally:
            gave_up.wait()

    outcomes = race(lambda number: (somebody, seeder)[number](), workers=2)
    assert "try again" in str(outcomes[1])
    assert isinstance(outcomes[1], CommandError)
    assert not Product.objects.exists()


# As large as it is meant to be


@pytest.mark.django_db(transaction=True)
def test_fifty_thousand_products_with_three_movements_each(monkeypatch, no_mark_left):
    monkeypatch.undo()
    before = schema()
    seed_demo(products=50_000, movements=150_000)
    assert Product.objects.count() == 50_000
    assert Product.objects.filter(sku="MUG-HARBOUR-350").exists()
    assert StockMovement.objects.count() == 150_000
    assert schema() == before
    call_command("verify_stock", stderr=StringIO())
