"""All documents can be made anew, compared with what they are made of, and counted up."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from uuid_utils.compat import uuid7

from catalogue import rebuilding
from catalogue.following import follow
from catalogue.models import Document, Place, Shelf
from catalogue.projecting import CATALOGUE, project
from catalogue.rebuilding import rebuild
from catalogue.standing import last_given
from catalogue.state import documents_of
from catalogue.verifying import Late, differing, wrong_documents
from catalogue.writing import keep
from common.events.models import Event, Reader
from common.events.sequencing import number_events
from inventory.operations import adjust_stock
from inventory.rules import Change
from products.models import Product
from products.operations import delete_product
from tests.catalogue.projected import document_of, project_all
from tests.factories import CategoryFactory, ProductFactory, StockLevelFactory

pytestmark = pytest.mark.django_db


def rebuilt() -> int:
    return rebuild(lambda _: None)


def verified(patience=0.0) -> list[str]:
    """The lines that are printed; none where every document is right."""
    out = StringIO()
    try:
        call_command("verify_catalogue", patience=patience, stdout=out, stderr=StringIO())
    except CommandError:
        assert out.getvalue()
    return out.getvalue().splitlines()


def test_every_product_gets_its_document_and_what_is_right_is_left_alone(monkeypatch):
    monkeypatch.setattr(rebuilding, "AT_ONCE", 2)
    products = [ProductFactory() for _ in range(4)] + [StockLevelFactory(on_hand=3).product]
    seen = []
    assert rebuild(seen.append) == 5
    assert sum(seen) == 5
    assert Document.objects.shown().count() == 5
    assert document_of(products[-1]).available == 3
    assert rebuilt() == 0


def test_documents_of_products_that_are_gone_are_removed():
    deleted, truncated = ProductFactory(), ProductFactory()
    rebuilt()
    delete_product(product_id=deleted.pk)
    Product.objects.filter(pk=truncated.pk).delete()
    assert rebuilt() == 2
    assert not Document.objects.shown().exists()


def test_the_projector_goes_on_behind_what_was_rebuilt():
    level = StockLevelFactory(on_hand=3)
    project_all()
    Reader.objects.filter(pk=CATALOGUE).update(sequence=0)
    rebuilt()
    assert project() == 0
    adjust_stock(changes=[Change(level.product_id, -1)])
    assert project() == 1
    assert document_of(level.product).available == 2
    reached = Reader.objects.get(pk=CATALOGUE).sequence
    rebuilding.begin_at(1)
    assert Reader.objects.get(pk=CATALOGUE).sequence == reached  # never back


def test_a_rebuild_that_is_killed_is_finished_by_the_next(monkeypatch):
    monkeypatch.setattr(rebuilding, "pieces", lambda rows: split(rows, 2))
    for _ in range(5):
        ProductFactory()

    def killed(_count):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild(killed)
    assert Document.objects.count() == 2
    rebuilt()
    assert Document.objects.count() == 5


def split(rows, size):
    ids = list(rows.order_by("pk").values_list("pk", flat=True))
    return [ids[start : start + size] for start in range(0, len(ids), size)]


# Verifying


def test_right_documents_are_found_right():
    StockLevelFactory(on_hand=3)
    project_all()
    assert verified() == []


@pytest.mark.parametrize(
    ("column", "value"),
    [("available", 99), ("name", "Wrong"), ("locations", []), ("category_id", None)],
)
def test_a_wrong_column_is_told(column, value):
    level = StockLevelFactory(on_hand=3, product=ProductFactory(category=CategoryFactory()))
    project_all()
    Document.objects.update(**{column: value})
    (line,) = verified()
    assert line.split("\t")[:2] == [str(level.product_id), column]
    rebuilt()
    assert verified() == []


def test_a_missing_document_and_one_too_many_are_told():
    missing, too_many = ProductFactory(), ProductFactory()
    rebuilt()
    Document.objects.filter(pk=missing.pk).delete()
    Product.objects.filter(pk=too_many.pk).delete()
    assert {line.split("\t")[0] for line in verified()} == {str(missing.pk), str(too_many.pk)}
    assert {line.split("\t")[1] for line in verified()} == {"document"}


def test_a_document_that_is_newer_than_what_was_read_is_right(monkeypatch):
    level = StockLevelFactory(on_hand=3)
    old = documents_of([level.product_id])
    adjust_stock(changes=[Change(level.product_id, -1)])
    project_all()
    monkeypatch.setattr("catalogue.verifying.documents_of", lambda ids: old)
    assert verified() == []


def test_what_is_late_is_no_difference_but_a_projector_that_stands_still_is_named():
    level = StockLevelFactory(on_hand=3)
    project_all()
    adjust_stock(changes=[Change(level.product_id, -1)])
    with pytest.raises(CommandError, match="is one running"):
        call_command("verify_catalogue", patience=0, stderr=StringIO())


def test_names_are_compared_too():
    level = StockLevelFactory(product=ProductFactory(category=CategoryFactory(name="Kitchen")))
    project_all()
    assert verified() == []
    Shelf.objects.update(name="Wrong")
    Place.objects.all().delete()
    lost = Shelf.objects.create(id=uuid7(), name="Nobody's")
    assert {tuple(line.split("\t")[:2]) for line in verified()} == {
        (str(level.product.category_id), "name"),
        (str(level.location_id), "place"),
        (str(lost.pk), "shelf"),
    }
    rebuilt()
    assert verified() == []


def test_many_that_differ_are_looked_at_again_in_pieces(monkeypatch):
    monkeypatch.setattr("catalogue.verifying.AT_ONCE", 2)
    for _ in range(5):
        ProductFactory()
    asked = []
    monkeypatch.setattr(
        "catalogue.verifying.documents_of", lambda ids: asked.append(len(ids)) or documents_of(ids)
    )
    begin_at_the_end()
    assert sum("\tdocument\t" in line for line in verified()) == 5
    assert asked == [5, 2, 2, 1]  # the first time in the pieces of everybody


def test_what_differs_is_told_as_it_is_found(monkeypatch):
    monkeypatch.setattr("catalogue.verifying.AT_ONCE", 2)
    for _ in range(5):
        ProductFactory()
    begin_at_the_end()
    wrong = wrong_documents(differing(lambda _: None), patience=0)
    assert [next(wrong).column, next(wrong).column] == ["document"] * 2
    monkeypatch.setattr("catalogue.verifying.wait_for", lambda _, patience: False)
    with pytest.raises(Late):
        next(wrong)


def begin_at_the_end() -> None:
    while number_events():
        pass
    rebuilding.begin_at(last_given())


def test_a_document_of_an_older_form_is_written_anew_in_the_same_version():
    product = ProductFactory()
    rebuilt()
    Document.objects.update(name_order="as an older release wrote it")
    assert keep(documents_of([product.pk])) == 1


def test_the_projector_builds_the_catalogue_the_first_time():
    StockLevelFactory(on_hand=1)
    ProductFactory()
    Event.objects.all().delete()
    assert follow() == 2
    assert follow() == 0
    assert Document.objects.count() == 2
