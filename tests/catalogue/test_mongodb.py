"""What is there with documents in MongoDB alone: the former inventories, and its own dangers."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from threading import Event, current_thread
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from pymongo.errors import DuplicateKeyError

from catalogue import rebuilding
from catalogue.engines import engine, mongodb_inventory
from catalogue.following import follow
from catalogue.models import Document, Place, Shelf
from catalogue.rebuilding import rebuild
from catalogue.routing import CATALOGUE
from catalogue.standing import last_given
from catalogue.state import documents_of
from catalogue.writing import keep
from common.backups.restoring import forget_what_is_elsewhere
from inventory import operations as stock
from inventory.models import StockLevel
from inventory.rules import Change
from products import operations as products
from tests.catalogue.projected import project_all
from tests.factories import CategoryFactory, LocationFactory, ProductFactory, StockLevelFactory
from tests.racing import in_a_thread, race
from tests.waiting import wait_until

pytestmark = [pytest.mark.of_mongodb, pytest.mark.django_db]


def collection(name: str) -> Any:
    mongodb: Any = connections[CATALOGUE]
    return mongodb.database[name]


def former_inventory(product_id) -> dict[str, Any] | None:
    """As the programs look it up that read the former service's collection."""
    return collection("inventory").find_one({"product_id": str(product_id)})


def made(name, **columns):
    return products.create_product(
        name=name, description="It holds.", price=Decimal("0.10"), **columns
    )


def sell(level, units=1):
    stock.adjust_stock(changes=[Change(level.product_id, -units, reason="sale")])


# The collection ``inventory``


def test_an_inventory_is_found_as_the_former_service_kept_it():
    level = StockLevelFactory(on_hand=5)
    StockLevelFactory(product=level.product, location=LocationFactory(), on_hand=2)
    project_all()
    found = former_inventory(level.product_id)
    changed = max(StockLevel.objects.values_list("updated_at", flat=True))
    assert found is not None
    assert set(found) == {"_id", "product_id", "quantity", "last_updated"}
    assert (type(found["product_id"]), type(found["quantity"])) == (str, int)
    assert found["quantity"] == 7
    assert abs(found["last_updated"].replace(tzinfo=UTC) - changed).total_seconds() < 0.001


def test_it_follows_every_change_and_keeps_its_id():
    level = StockLevelFactory(on_hand=5)
    project_all()
    before = former_inventory(level.product_id)
    sell(level, 2)
    project_all()
    after = former_inventory(level.product_id)
    assert before is not None
    assert after is not None
    assert (after["_id"], after["quantity"]) == (before["_id"], 3)
    assert after["last_updated"] >= before["last_updated"]


def test_a_product_without_stock_has_none_and_a_deleted_one_no_more():
    never, level = ProductFactory(), StockLevelFactory(on_hand=0)
    project_all()
    assert former_inventory(never.pk) is None
    assert former_inventory(level.product_id) is not None
    products.delete_product(product_id=level.product_id)
    project_all()
    assert former_inventory(level.product_id) is None


def test_there_is_one_inventory_of_a_product():
    level = StockLevelFactory()
    project_all()
    with pytest.raises(DuplicateKeyError):
        collection("inventory").insert_one({"product_id": str(level.product_id)})


def test_what_the_former_service_left_is_taken_over_and_what_is_unknown_left_alone():
    level = StockLevelFactory(on_hand=5)
    old = {"quantity": 77, "last_updated": datetime(2024, 1, 1)}  # noqa: DTZ001 - as MongoDB has it
    collection("inventory").insert_many(
        [{"product_id": str(level.product_id)} | old, {"product_id": "of another shop"} | old]
    )
    rebuild(lambda _: None)
    found = former_inventory(level.product_id)
    assert found is not None
    assert found["quantity"] == 5
    assert former_inventory("of another shop") is not None


def test_a_wrong_inventory_is_told_and_mended(capsys):
    level = StockLevelFactory(on_hand=5)
    project_all()
    collection("inventory").update_one({}, {"$set": {"quantity": 99}})
    with pytest.raises(CommandError):
        call_command("verify_catalogue", "--patience=0", verbosity=0)
    assert f"{level.product_id}\tinventory\t" in capsys.readouterr().out
    call_command("rebuild_catalogue", verbosity=0)
    call_command("verify_catalogue", "--patience=0", verbosity=0)


# Older and newer states


@pytest.mark.concurrency
def test_whoever_writes_an_older_state_beside_a_newer_one_leaves_the_newer_everywhere():
    level = StockLevelFactory(on_hand=100)
    for left in range(99, 89, -1):
        older = documents_of([level.product_id])
        sell(level)
        newer = documents_of([level.product_id])
        both = (older, newer)
        outcomes = race(lambda number, both=both: keep(both[number]), workers=2)
        assert not [one for one in outcomes if isinstance(one, Exception)]
        found = former_inventory(level.product_id)
        assert found is not None
        assert (Document.objects.get().quantity, found["quantity"]) == (left, left)


def copied_while_a_newer_document_comes(monkeypatch) -> int:
    """Somebody copies an inventory and is slow; meanwhile a newer document is written and copied.

    Returns the quantity that stays.
    """
    level = StockLevelFactory(on_hand=100)
    project_all()
    older = documents_of([level.product_id])
    has_read, may_write = Event(), Event()
    read = mongodb_inventory._told

    def slowly(product_ids):
        figures = read(product_ids)
        if current_thread().name.startswith("slow"):
            has_read.set()
            may_write.wait(10)
        return figures

    monkeypatch.setattr(mongodb_inventory, "_told", slowly)
    collection("inventory").delete_many({})  # so that there is something to copy
    with ThreadPoolExecutor(1, "slow") as slow, ThreadPoolExecutor(1, "quick") as quick:
        copying = slow.submit(in_a_thread, keep, older)
        assert has_read.wait(10)
        sell(level)
        newer = quick.submit(in_a_thread, keep, documents_of([level.product_id]))
        wait_until(lambda: newer.done() or is_waited_for())
        may_write.set()
        copying.result()
        newer.result()
    found = former_inventory(level.product_id)
    assert found is not None
    return found["quantity"]


def is_waited_for() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'advisory'")
        return cursor.fetchone() is not None


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_whoever_copies_slowly_leaves_the_newer_inventory(monkeypatch):
    assert copied_while_a_newer_document_comes(monkeypatch) == 99


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_without_the_lock_the_older_one_stays(monkeypatch):
    """Negative control: if this fails, the test above proves nothing."""
    monkeypatch.setattr(mongodb_inventory, "wait_for_turn", lambda: None)
    assert copied_while_a_newer_document_comes(monkeypatch) == 100


def test_a_document_that_somebody_wrote_meanwhile_is_no_error(monkeypatch):
    """Between the look at it and the write: then there is one already, of a newer state."""
    level = StockLevelFactory(on_hand=5)
    older = documents_of([level.product_id])
    sell(level)
    project_all()
    monkeypatch.setattr(engine, "_brings_news", lambda *_: True)
    assert keep(older) == 0
    assert Document.objects.get().quantity == 4


# Texts that mean something to MongoDB


@pytest.mark.parametrize("text", ["$name", "$$ROOT", "a.b", "{$gt: 1}", "c\\d"])
def test_names_that_look_like_its_language_are_names(client, text):
    category = CategoryFactory(name="Plain")
    product = made(text, category_id=category.pk)
    project_all()
    products.change_category(category_id=category.pk, changes={"name": text})
    project_all()
    assert Shelf.objects.get().name == text
    found = client.get(f"/api/v1/catalogue/{product.pk}").json()["data"]["attributes"]
    assert (found["name"], found["category_path"][0]["name"]) == (text, text)


@pytest.mark.parametrize("text", [".*", "mug.*", "^m", "mug|cup", "(", "[a-z]", "$", "%", "\\"])
def test_a_search_is_for_words_and_for_no_pattern(client, text):
    made("Mug")
    project_all()
    found = client.get("/api/v1/catalogue", {"filter[search]": text}).json()["data"]
    words = "".join(letter if letter.isalnum() else " " for letter in text).split()
    assert bool(found) == (words in (["mug"], ["m"]))


# Moments


def test_moments_are_those_of_the_product_to_the_microsecond(client):
    product = made("Mug")
    project_all()
    shown = [
        client.get(f"/api/v1/{door}/{product.pk}").json()["data"]["attributes"]
        for door in ("products", "catalogue")
    ]
    assert shown[0]["updated_at"] == shown[1]["updated_at"]
    assert shown[0]["created_at"] == shown[1]["created_at"]


# Another database than before


def test_a_database_that_is_new_is_filled_though_the_projector_goes_on():
    level = StockLevelFactory(on_hand=1)
    follow()
    for name in connections[CATALOGUE].database.list_collection_names():
        collection(name).drop()
    sell(level)
    ProductFactory()
    assert follow() == 2
    assert Document.objects.count() == 2
    assert "document_by_price" in collection("catalogue_document").index_information()


def test_a_fill_that_was_killed_is_begun_again(monkeypatch):
    StockLevelFactory(on_hand=1)
    ProductFactory()
    with monkeypatch.context() as patch:
        patch.setattr(rebuilding, "take_over_names", lambda: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            follow()
    rebuilding.begin_at(last_given())  # as somebody did who filled another one before
    assert follow() == 2
    assert Document.objects.count() == 2


def test_what_went_back_in_time_is_made_anew_though_its_versions_are_lower():
    level, new = StockLevelFactory(on_hand=5), made("Mug")
    project_all()
    future = {"inventory_version": 10**6, "quantity": 999, "stock_updated_at": "2030-01-01"}
    Document.objects.update(**future)
    keep(documents_of([new.pk, level.product_id]))
    assert former_inventory(new.pk) is not None
    new.delete()  # it is not in the backup
    rebuild(lambda _: None)
    assert Document.objects.get(pk=level.product_id).quantity == 999  # a newer state, it seems
    forget_what_is_elsewhere()
    assert former_inventory(new.pk) is None
    assert follow() == 1
    found = former_inventory(level.product_id)
    assert found is not None
    assert (Document.objects.get().quantity, found["quantity"]) == (5, 5)


# How it is kept


@pytest.mark.parametrize("model", [Document, Shelf, Place])
def test_every_index_is_there_and_none_more_of_the_id_alone_which_mongodb_refuses(model):
    found = collection(model._meta.db_table).index_information()
    lists = {"document_words", "document_in_stock_at"} if model is Document else set()
    named = {index.name for index in model._meta.indexes if index.fields != ["id"]}
    assert set(found) == named | {"_id_"} | lists
    assert [name for name, one in found.items() if one["key"] == [("_id", 1)]] == ["_id_"]


def test_the_former_services_own_unique_index_will_do():
    collection("inventory").drop_indexes()
    collection("inventory").create_index([("product_id", 1)], unique=True)
    engine.prepare()
    assert set(collection("inventory").index_information()) == {"_id_", "product_id_1"}
    collection("inventory").drop_indexes()
    engine.prepare()
    assert set(collection("inventory").index_information()) == {"_id_", "product_id_unique"}


@pytest.mark.parametrize("sort", ["price", "-available", "name", "-popularity"])
def test_a_list_is_sorted_before_anything_else_as_an_index_can(client, sort):
    StockLevelFactory(on_hand=1)
    project_all()
    with CaptureQueriesContext(connections[CATALOGUE]) as sent:
        for page in ("page[number]=1", "page[after]="):
            assert client.get(f"/api/v1/catalogue?{page}&sort={sort}").json()["data"]
    lists = [one["sql"] for one in sent if "'$sort'" in one["sql"]]
    assert len(lists) == 2
    for sql in lists:
        assert re.search(r"aggregate\(\[\{'\$match': .*?\}, \{'\$sort'", sql), sql


def test_in_a_database_that_was_dropped_a_rebuild_makes_the_indexes_first():
    level = StockLevelFactory()
    for name in ("catalogue_document", "inventory"):
        collection(name).drop()
    keep(documents_of([level.product_id]))  # by a projector that knows nothing of that
    call_command("rebuild_catalogue", verbosity=0)
    assert collection("inventory").index_information()["product_id_unique"]["unique"] is True
    assert "document_by_price" in collection("catalogue_document").index_information()


def test_two_inventories_of_one_product_are_told_in_a_sentence():
    collection("inventory").drop_indexes()
    collection("inventory").insert_many([{"product_id": "x"}, {"product_id": "x"}])
    with pytest.raises(CommandError, match=r"^MongoDB: .*duplicate key"):
        call_command("rebuild_catalogue", verbosity=0)
    collection("inventory").delete_many({})
    engine.prepare()
    assert "product_id_unique" in collection("inventory").index_information()


def test_prices_are_exact():
    product = made("Mug")
    project_all()
    assert Document.objects.get(pk=product.pk).price == Decimal("0.10")
    assert Document.objects.filter(price__gte=Decimal("0.10"), price__lte=Decimal("0.1")).exists()
