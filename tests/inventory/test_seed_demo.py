"""The demo: believable, always the same, loaded once, and gone without a trace."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import groupby, pairwise
from xml.etree import ElementTree

import pytest
from django.contrib.staticfiles import finders
from django.core.management import CommandError, call_command
from django.db import connection

from common.access.models import ApiKey
from common.database import database_now
from common.events.models import Event
from common.idempotency.models import IdempotencyRecord
from common.observability.context import acting_as
from inventory.management.demo import loading, marking, shop
from inventory.management.demo.catalogue import ARTICLES
from inventory.management.demo.month import DAYS, Kind, month
from inventory.models import (
    Allocation,
    Batch,
    Location,
    Reservation,
    StockDay,
    StockLevel,
    StockMovement,
    Transfer,
)
from inventory.models.days import start_of
from inventory.operations import adjust_stock
from inventory.rules import Change
from products.models import Category, Product
from tests.factories import CategoryFactory, LocationFactory, ProductFactory, StockLevelFactory
from tests.inventory.days import day
from tests.racing import race

pytestmark = pytest.mark.slow

JUNE = datetime(2024, 6, 1, tzinfo=UTC)


class Terminal(StringIO):
    def isatty(self):
        return True


def seed_demo(**options) -> str:
    output = StringIO()
    call_command("seed_demo", stdout=output, **options)
    return output.getvalue().strip()


def rows() -> tuple[int, ...]:
    models = (Product, Category, Location, StockLevel, StockMovement, Transfer, Event)
    return tuple(model.objects.count() for model in models)


def clear() -> None:
    with connection.cursor() as cursor:  # as at the end of the loading transaction
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    seed_demo(clear=True)


@pytest.fixture
def demo(db):
    assert seed_demo().startswith("The demo is loaded: ")


@pytest.fixture
def two_articles(monkeypatch):
    """Where it does not matter how much there is, two articles make a demo sooner than ten."""
    for module in (loading, shop):
        monkeypatch.setattr(module, "ARTICLES", ARTICLES[-2:])


@pytest.fixture
def small_demo(two_articles, demo):
    """Loaded."""


# The story


def test_a_months_steps_come_in_their_order_and_never_take_what_is_not_there():
    steps = month(ARTICLES, JUNE)
    assert [step.at for step in steps] == sorted(step.at for step in steps)
    assert steps[0].at >= JUNE - timedelta(days=DAYS)
    assert steps[-1].at < JUNE
    assert {step.kind for step in steps} == set(Kind)
    for _, own in groupby(sorted(steps, key=lambda step: step.sku), key=lambda step: step.sku):
        moments = [step.at for step in own]
        assert all(after - before > timedelta(minutes=1) for before, after in pairwise(moments))
    takes = [step for step in steps if step.kind in {Kind.SALE, Kind.DAMAGE, Kind.TRANSFER}]
    assert all(1 <= step.quantity <= step.on_hand for step in takes)


def test_the_story_is_the_same_on_another_day_but_for_its_dates():
    later = timedelta(days=100)
    shifted = [step.at + later for step in month(ARTICLES, JUNE)]
    assert [step.at for step in month(ARTICLES, JUNE + later)] == shifted


def test_every_article_has_a_picture_of_ours_and_a_barcode_for_demonstrations():
    for article in ARTICLES:
        picture = finders.find(f"products/demo/{article.image}")
        assert picture
        assert ElementTree.parse(picture).getroot().attrib["viewBox"] == "0 0 400 400"  # noqa: S314  our own file
        assert article.barcode.startswith("952")
    assert len({article.image for article in ARTICLES}) == len(ARTICLES)


# What is loaded


@pytest.mark.usefixtures("demo")
def test_the_demo_is_a_shop_with_a_month_behind_it():
    assert Product.objects.count() == 10
    assert Category.objects.filter(parent__isnull=False).count() == 5
    assert not Product.objects.filter(category=None).exists()
    assert list(Location.objects.order_by("priority").values_list("code", flat=True)) == [
        "main",
        "north-depot",
    ]
    per_product = [product.movements.count() for product in Product.objects.all()]
    assert min(per_product) >= 10
    reasons = set(StockMovement.objects.values_list("reason", flat=True))
    assert reasons == {
        "receipt", "sale", "return", "damage", "count", "transfer_in", "transfer_out",
    }  # fmt: skip

    levels = StockLevel.objects.filter(location__code="main")
    assert levels.filter(on_hand=0).exists()
    assert 2 <= levels.low().count() <= 4


@pytest.mark.usefixtures("demo")
def test_goods_are_on_their_way_and_some_are_promised():
    assert Batch.objects.incoming().count() == 3
    assert Batch.objects.filter(eta__lt=database_now().date()).count() == 1
    statuses = Reservation.objects.order_by("order_reference").values_list("status", flat=True)
    assert list(statuses) == ["confirmed", "active"]
    assert Allocation.objects.exclude(batch=None).exists()
    call_command("verify_stock", verbosity=0)


@pytest.mark.usefixtures("small_demo")
def test_the_ledger_agrees_and_was_written_by_the_operations():
    call_command("verify_stock", stderr=StringIO())
    movements = StockMovement.objects.all()
    assert set(movements.values_list("actor", flat=True)) == {"seed_demo"}
    assert len(set(movements.values_list("request_id", flat=True))) == 1
    told = Event.objects.filter(type="stock.changed").exclude(data__movement_id=None)
    assert told.count() == movements.count()


@pytest.mark.usefixtures("small_demo")
def test_movements_are_of_the_last_month_and_newest_first_means_what_it_says():
    now = database_now()
    newest_first = list(StockMovement.objects.newest_first())
    moments = [movement.created_at for movement in newest_first]
    assert moments == sorted(moments, reverse=True)
    assert now - timedelta(days=DAYS + 1) < moments[-1]
    assert moments[0] < now
    for level in StockLevel.objects.all():
        sequences = [line.sequence for line in newest_first if line.stock_level_id == level.pk]
        assert sequences == list(range(level.movement_count, 0, -1))


def test_pictures_are_where_the_server_is_said_to_be(db, two_articles):
    seed_demo(image_base="https://shop.example.com/static/products/demo")
    images = Product.objects.get(sku="TENT-RIDGE-2P").images
    assert images == ["https://shop.example.com/static/products/demo/trail-tent.svg"]


@pytest.mark.parametrize(
    "base", ["static/products", "ftp://example.com/", "https://me@example.com"]
)
def test_pictures_nowhere_are_refused_and_nothing_is_loaded(db, base):
    with pytest.raises(CommandError, match=r"URL"):
        seed_demo(image_base=base)


@pytest.mark.usefixtures("small_demo")
def test_it_comes_with_its_summary_by_days():
    over = StockMovement.objects.filter(created_at__lt=start_of(day(0)))
    assert sum(StockDay.objects.values_list("movements", flat=True)) == over.count() > 0


# Once


@pytest.mark.usefixtures("small_demo")
def test_a_second_run_changes_nothing_and_asks_little(django_assert_num_queries):
    before = rows()
    with django_assert_num_queries(4):  # may it, the lock, a look at the products, the mark
        said = seed_demo()
    size = f"{Product.objects.count()} products and {StockMovement.objects.count()} movements"
    assert said == (
        f"A demo of {size} is there already: `manage.py seed_demo --clear` makes room for another."
    )
    assert rows() == before


@pytest.fixture
def no_mark_left():
    yield
    with connection.cursor() as cursor:  # emptying tables after a test leaves comments alone
        cursor.execute("COMMENT ON TABLE inventory_stockmovement IS NULL")


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_loads_the_demo(two_articles, no_mark_left):
    said = sorted(race(lambda _: seed_demo(), workers=2))
    assert said[1].startswith("The demo is loaded: 2 products")
    assert said[0].startswith("A demo of 2 products")
    assert Product.objects.count() == 2
    call_command("verify_stock", stderr=StringIO())


@pytest.mark.django_db(transaction=True)
def test_a_demo_that_fails_on_the_way_leaves_nothing(monkeypatch, two_articles, no_mark_left):
    before = rows()
    monkeypatch.setattr(shop, "_set_reorder_points", lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        seed_demo()
    assert rows() == before
    assert marking.marked() is None


@pytest.mark.django_db
@pytest.mark.parametrize("own", [ProductFactory, CategoryFactory, LocationFactory])
def test_where_there_is_data_the_demo_stays_away(own):
    own()
    before = rows()
    assert seed_demo() == "This database holds data of its own: the demo was not loaded."
    assert rows() == before
    assert marking.marked() is None


# Gone again


@pytest.mark.django_db
def test_a_database_without_the_demo_is_never_emptied():
    StockLevelFactory(on_hand=3)
    before = rows()
    with pytest.raises(CommandError, match="nothing was removed"):
        seed_demo(clear=True)
    assert rows() == before


@pytest.mark.usefixtures("small_demo")
def test_clearing_leaves_an_empty_stockroom_and_those_who_may_use_it(client):
    StockLevelFactory(on_hand=3)
    mug = {"name": "Mug", "description": "Red", "price": 4}
    client.post(
        "/api/v1/products",
        mug,
        content_type="application/json",
        headers={"Idempotency-Key": "mine"},
    )
    clear()
    assert rows() == (0, 0, 1, 0, 0, 0, 0)
    assert not IdempotencyRecord.objects.exists()
    assert Location.objects.get().code == "main"
    assert ApiKey.objects.get().name == "tester"
    with pytest.raises(CommandError):
        seed_demo(clear=True)


@pytest.mark.usefixtures("small_demo")
def test_after_clearing_the_same_demo_can_be_loaded_again():
    def figures():
        lines = StockMovement.objects.order_by("product__sku", "location__code", "sequence")
        return list(lines.values_list("product__sku", "location__code", "delta", "created_at"))

    before = figures()
    clear()
    seed_demo()
    assert figures() == before


@pytest.mark.usefixtures("small_demo")
def test_what_was_cached_is_not_served_after_clearing(client, django_capture_on_commit_callbacks):
    address = f"/api/v1/products/{Product.objects.first().pk}"
    assert client.get(address).status_code == 200
    with django_capture_on_commit_callbacks(execute=True):
        clear()
    assert client.get(address).status_code == 404


# What it says


@pytest.mark.django_db(transaction=True)
def test_verbosity_zero_says_nothing_and_history_is_no_news_for_the_log(
    capfd, two_articles, no_mark_left
):
    call_command("seed_demo", verbosity=0)
    assert capfd.readouterr() == ("", "")
    with acting_as("a test"):
        adjust_stock(changes=[Change(Product.objects.first().pk, delta=1)])
    assert "stock.changed" in capfd.readouterr().out


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("stream", "verbosity", "is_drawn"),
    [(Terminal, 1, True), (Terminal, 0, False), (StringIO, 1, False)],
)
def test_the_bar_is_drawn_on_a_terminal_alone(
    monkeypatch, two_articles, stream, verbosity, is_drawn
):
    screen = stream()
    monkeypatch.setattr("sys.stderr", screen)
    seed_demo(verbosity=verbosity)
    assert (" steps" in screen.getvalue()) == is_drawn
