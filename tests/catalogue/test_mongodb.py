"""What is there with documents in MongoDB alone: the former inventories, and its own dangers."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from pymongo.errors import DuplicateKeyError

from catalogue.engines import engine, mongodb_inventory
from catalogue.following import Follower
from catalogue.models import Document, Place, Shelf
from catalogue.rebuilding import rebuild
from catalogue.routing import CATALOGUE
from catalogue.state import documents_of
from catalogue.writing import keep
from common.backups.restoring import forget_what_is_elsewhere
from inventory import operations as stock
from inventory.models import StockLevel
from inventory.rules import Change
from products import operations as products
from tests.catalogue.projected import project_all
from tests.factories import CategoryFactory, LocationFactory, ProductFactory, StockLevelFactory
from tests.racing import race

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
        race(lambda number, both=both: keep(both[number]), workers=2)
        found = former_inventory(level.product_id)
        assert found is not None
        assert (Document.objects.get().quantity, found["quantity"]) == (left, left)


def test_an_inventory_copied_from_what_was_read_and_not_from_the_document_would_be_older(
    monkeypatch,
):
    """Negative control: if this fails, the test above proves nothing."""
    level = StockLevelFactory(on_hand=100)
    older = documents_of([level.product_id])
    sell(level)
    project_all()
    figures = {one.pk: (one.quantity, datetime(2030, 1, 1)) for one in older}  # noqa: DTZ001
    monkeypatch.setattr(mongodb_inventory, "_told", lambda _: figures)
    keep(older)
    found = former_inventory(level.product_id)
    assert found is not None
    assert (Document.objects.get().quantity, found["quantity"]) == (99, 100)


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


def test_a_database_that_is_empty_is_filled():
    StockLevelFactory(on_hand=1)
    Follower().follow()
    collection("catalogue_document").delete_many({})
    assert Follower().follow() == 1
    assert Document.objects.count() == 1


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
    assert Follower().follow() == 1
    found = former_inventory(level.product_id)
    assert found is not None
    assert (Document.objects.get().quantity, found["quantity"]) == (5, 5)


# How it is kept


@pytest.mark.parametrize("model", [Document, Shelf, Place])
def test_every_index_is_there(model):
    found = collection(model._meta.db_table).index_information()
    lists = {"document_words", "document_in_stock_at"} if model is Document else set()
    assert set(found) == {index.name for index in model._meta.indexes} | {"_id_"} | lists


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
