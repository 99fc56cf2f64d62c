"""What the other tests stand on."""

from __future__ import annotations

from threading import Event

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django_redis import get_redis_connection

from common import redis
from inventory.models import Location, StockMovement
from products.models import Product
from tests.emptying import empty_filled_tables
from tests.factories import CategoryFactory, LocationFactory, ProductFactory, StockLevelFactory
from tests.racing import race
from tests.waiting import wait_until

PRODUCTS = "/api/v1/products"


@pytest.mark.django_db
def test_a_stock_level_comes_with_the_ledger_that_explains_it():
    level = StockLevelFactory(product__sku="MUG", on_hand=7, reserved=2, reorder_point=3)
    assert (level.on_hand, level.reserved, level.available) == (7, 2, 5)
    assert (level.product.sku, level.location.code, level.reorder_point) == ("MUG", "main", 3)
    movement = StockMovement.objects.get(stock_level=level)
    assert (movement.sequence, movement.delta, movement.on_hand_after) == (1, 7, 7)


@pytest.mark.django_db
def test_a_product_can_have_stock_at_several_locations():
    near = StockLevelFactory(on_hand=1)
    far = StockLevelFactory(product=near.product, location=LocationFactory(code="far"), on_hand=2)
    assert {level.pk for level in near.product.stock_levels.all()} == {near.pk, far.pk}
    assert LocationFactory(code="main") == Location.objects.default()


@pytest.mark.django_db(transaction=True)
def test_what_was_committed_is_gone_and_what_migrations_made_is_there():
    StockLevelFactory(on_hand=1)
    permissions = set(Permission.objects.values_list("pk", flat=True))
    empty_filled_tables()
    assert not any(
        model.objects.exists()
        for model in apps.get_models()
        if model not in (ContentType, Permission)
    )
    assert set(Permission.objects.values_list("pk", flat=True)) == permissions != set()


@pytest.mark.django_db
def test_products_and_categories_differ_from_each_other():
    category = CategoryFactory()
    first, second = ProductFactory(category=category), ProductFactory()
    assert first.sku != second.sku
    assert Product.objects.get(category=category) == first
    assert CategoryFactory().slug != category.slug


def test_a_client_with_all_scopes_writes_and_a_reading_one_does_not(client, read_only_client):
    mug = {"type": "products", "attributes": {"name": "Mug", "description": "Red", "price": 4}}
    assert read_only_client.post(PRODUCTS, {"data": mug}).status_code == 403
    created = client.post(PRODUCTS, {"data": mug})
    assert created.status_code == 201
    assert read_only_client.get(f"{PRODUCTS}/{created.json()['data']['id']}").status_code == 200


def test_a_plain_client_sends_the_attributes_alone(client):
    mug = {"name": "Mug", "description": "Red", "price": 4}
    assert client.post(PRODUCTS, mug, content_type="application/json").status_code == 201


@pytest.mark.parametrize("time", ["first", "second"])
def test_redis_is_empty_when_a_test_begins(own_keys_in_redis, time):
    server = get_redis_connection("default")
    assert redis.key("left").startswith(own_keys_in_redis)
    assert not server.exists(redis.key("left"))
    server.set(redis.key("left"), time)


@pytest.mark.django_db(transaction=True)
def test_racers_run_at_the_same_time_and_are_answered_in_order():
    arrived = [Event(), Event()]

    def meet(number: int) -> int:
        arrived[number].set()
        assert arrived[1 - number].wait(timeout=10)
        return number

    assert race(meet, workers=2) == [0, 1]


@pytest.mark.django_db(transaction=True)
def test_a_racer_that_fails_is_answered_by_its_exception():
    first, second = race(lambda number: 1 // number, workers=2)
    assert isinstance(first, ZeroDivisionError)
    assert second == 1


@pytest.mark.django_db(transaction=True)
def test_racers_leave_no_connection_behind():
    def own_process_id(_number):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            return cursor.fetchone()[0]

    racers = race(own_process_id, workers=4)
    assert len(set(racers)) == 4

    def are_gone():  # a backend whose client went away needs a moment to end
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = ANY(%s)", [racers])
            return cursor.fetchone() == (0,)

    wait_until(are_gone)
