"""Full-text search over name, description, SKU and barcode (API.md §6)."""

from __future__ import annotations

from random import Random
from uuid import uuid4

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from uuid_utils.compat import uuid7

from common.api.pagination import counted
from products import searching
from products.models import Product
from tests.factories import ProductFactory

pytestmark = pytest.mark.django_db

PRODUCTS = "/api/v1/products"


def found(client, text, **query):
    answer = client.get(PRODUCTS, {"filter[search]": text, **query})
    assert answer.status_code == 200, answer.content
    return [one["attributes"]["sku"] for one in answer.json()["data"]]


@pytest.fixture
def catalogue(db):
    for sku, name, description, barcode in (
        ("CUP-RED", "Red cup", "For tea. Dishwasher-safe.", None),
        ("MUG-1", "Caf\u00e9 mug, blue", "A stoneware mug for coffee.", "96385074"),
        ("MUG-2", "M\u00dcG with a lid", "Keeps tea warm \u2014 for hours!", "4006381333931"),
        ("\u0041BC.12/3", "Stra\u00dfe sign", "50% off (today) & tomorrow", None),
    ):
        ProductFactory(sku=sku, name=name, description=description, barcode=barcode)


@pytest.mark.usefixtures("catalogue")
@pytest.mark.parametrize(
    ("text", "skus"),
    [
        ("red", {"CUP-RED"}),
        ("RED", {"CUP-RED"}),
        ("cup red", {"CUP-RED"}),
        ("red cup", {"CUP-RED"}),
        ("red  cup ", {"CUP-RED"}),
        ("cafe", {"MUG-1"}),
        ("caf\u00e9", {"MUG-1"}),
        ("cafe\u0301", {"MUG-1"}),
        ("CAF\u00c9 mug", {"MUG-1"}),
        ("blue cafe", {"MUG-1"}),
        ("mug", {"MUG-1", "MUG-2"}),
        ("m\u00fcg", {"MUG-1", "MUG-2"}),
        ("stonew", {"MUG-1"}),
        ("mug stonew", {"MUG-1"}),
        ("stonew mug", set()),  # only the last word may be its beginning
        ("tea", {"CUP-RED", "MUG-2"}),
        ("tea mug", {"MUG-2"}),
        ("dishwasher-safe", {"CUP-RED"}),
        ("safe dishwasher", {"CUP-RED"}),
        ("MUG-1", {"MUG-1"}),
        ("mug-", {"MUG-1", "MUG-2"}),
        ("cup-r", {"CUP-RED"}),
        ("abc.12/3", {"ABC.12/3"}),
        ("96385074", {"MUG-1"}),
        ("9638", {"MUG-1"}),
        ("40063813", {"MUG-2"}),
        ("50%", {"ABC.12/3"}),
        ("(today) & tomorrow", {"ABC.12/3"}),
        ("strasse", {"ABC.12/3"}),
        ("warm \u2014 for", {"MUG-2"}),
        ("nothing", set()),
        ("red nothing", set()),
        ("!", set()),
        ("& | !", set()),
        ("' \" \\", set()),
        ("\u2014", set()),
        (":*", set()),
        ("%", set()),
        ("_", set()),
    ],
)
def test_a_search_finds(client, text, skus):
    assert set(found(client, text)) == skus


def test_a_word_in_the_name_counts_for_more_than_in_the_description(client):
    ProductFactory(sku="B", name="Cup", description="Not a mug at all")
    ProductFactory(sku="A", name="Mug", description="Just what it says")
    assert found(client, "mug") == ["A", "B"]
    assert found(client, "mug", sort="sku") == ["A", "B"]
    assert found(client, "mug", sort="-sku") == ["B", "A"]


def test_a_deleted_product_is_not_found(client):
    ProductFactory(name="Mug", deleted_at="2026-01-01T00:00Z")
    assert found(client, "mug") == []


def test_what_was_changed_is_found_as_it_is_now(client):
    product = ProductFactory(name="Mug", description="x")
    client.patch(f"{PRODUCTS}/{product.pk}", {"name": "Cup"}, "application/json")
    assert found(client, "mug") == []
    assert found(client, "cup") == [product.sku]


def test_a_search_goes_together_with_filters(client):
    ProductFactory(sku="A", name="Mug", price=5)
    ProductFactory(sku="B", name="Mug", price=9)
    answer = client.get(PRODUCTS, {"filter[search]": "mug", "filter[price][gt]": "6"})
    assert [one["attributes"]["sku"] for one in answer.json()["data"]] == ["B"]


WORDS = ("mug", "mugs", "cup", "caf\u00e9", "blue", "bluebell", "red", "steel", "oak", "tea")


@pytest.fixture(params=[uuid7, uuid4])
def shelves(request):
    """200 products, each with the words that one finds in it by reading.

    Once with ids in the order of creation, once with those of a catalogue that was imported.
    """
    random = Random("shelves")  # noqa: S311 - no secret
    shelves = {}
    for number in range(200):
        one, two, three, four = random.choices(WORDS, k=4)
        product = Product(name=f"{one.title()} {two}", description=f"{three}, {four}!")
        product.pk, product.sku, product.price = request.param(), f"TRAY-{number}", number + 1
        words = {"tray", str(number), one, two, three, four}
        shelves[product] = {word.replace("\u00e9", "e") for word in words}
    Product.objects.bulk_create(shelves)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE products_product")  # which words are common
    return shelves


def read(words, text):
    *whole, last = text.split()
    return words.issuperset(whole) and any(word.startswith(last) for word in words)


def look_at(monkeypatch, ranked, newest, sample, of_many=None):
    monkeypatch.setattr(searching, "MOST_RANKED", ranked)
    monkeypatch.setattr(searching, "RANKED_OF_MANY", of_many or ranked)
    monkeypatch.setattr(searching, "NEWEST", newest)
    monkeypatch.setattr(searching, "SAMPLE", sample)


@pytest.mark.parametrize("price", [0, 120])
@pytest.mark.parametrize(
    "limits", [(1_000, 20_000, 2_000), (20, 40, 4), (20, 100, 10), (7, 200, 9)]
)
@pytest.mark.slow
def test_a_search_finds_what_reading_every_product_finds(shelves, monkeypatch, limits, price):
    """All of it, or as many as may be ranked; and it says which."""
    look_at(monkeypatch, *limits)
    words = [word.replace("\u00e9", "e") for word in WORDS]
    texts = ["t", "m", "bl", "stee", "red b", "tray-", "tray-1", "1", *words[::3]]
    texts += [f"{first} {second}" for first in words[::4] for second in words[1:8:3]]
    for text in texts:
        plain = text.replace("-", " ").strip()
        expected = {
            product
            for product, own in shelves.items()
            if read(own, plain) and product.price >= price
        }
        rows = Product.objects.living().filter(price__gte=price).matching(text)
        found = list(rows)
        assert set(found) <= expected, text
        assert len(set(found)) == len(found) == min(len(expected), limits[0]), text
        total, is_exact = counted(rows, 0, found, len(found))
        assert is_exact == (len(expected) <= limits[0]), text
        assert total == len(expected) if is_exact else total > len(found), text


def test_what_a_sample_promised_and_reading_did_not_find_is_asked_of_the_index(monkeypatch):
    """Eight mugs are the newest; of the twenty that are read, no more; before those, ten."""
    for number, name in ((10, "Mug"), (12, "Cup"), (8, "Mug")):
        ProductFactory.create_batch(number, name=name)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE products_product")
    look_at(monkeypatch, ranked=10, newest=20, sample=6)
    found = Product.objects.living().matching("mug")
    assert len(found) == 10
    assert found[0].are_left_out


def test_the_newest_are_read_where_a_sample_promises_enough(monkeypatch):
    products = ProductFactory.create_batch(40, name="Mug")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE products_product")
    look_at(monkeypatch, ranked=10, newest=20, sample=5)
    newest = sorted(products, key=lambda product: product.pk)[-10:]
    assert set(Product.objects.living().matching("mug")) <= {*newest, products[-11]}


class TestFarMoreThanAreRanked:
    """Of 120 mugs 8 are ranked, where 20 of 90 are; the numbers are 250, 5 000 and 1 000."""

    @pytest.fixture(autouse=True)
    def limits(self, monkeypatch):
        assert (searching.RANKED_OF_MANY, searching.MOST_RANKED) == (250, 1_000)
        assert searching.FAR_MORE * searching.MOST_RANKED == 5_000
        look_at(monkeypatch, ranked=20, newest=40, sample=10, of_many=8)

    def shelf(self, mugs, cups=0):
        """PostgreSQL expects something of the beginnings of words from a hundred words on."""
        ProductFactory.create_batch(cups, name="Cup", price=9)
        ProductFactory.create_batch(mugs, name="Mug", price=5)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE products_product")

    def test_fewer_will_do(self):
        self.shelf(mugs=120)
        found = list(Product.objects.living().matching("mug"))
        assert len(found) == 8
        assert found[0].are_left_out
        assert found[0].number_found == pytest.approx(120, abs=5)

    def test_up_to_there_as_many_as_ever(self):
        self.shelf(mugs=90, cups=30)
        found = list(Product.objects.living().matching("mug"))
        assert len(found) == 20
        assert found[0].number_found == pytest.approx(90, abs=5)

    def test_only_those_count_that_pass_the_filters(self):
        self.shelf(mugs=120, cups=15)
        dear = Product.objects.living().filter(price__gt=6)
        assert len(dear.matching("cup")) == 15
        assert not dear.matching("mug").exists()


class TestMoreThanAreRanked:
    """Seven of twelve; the limit is 1 000."""

    @pytest.fixture(autouse=True)
    def twelve(self, monkeypatch):
        assert searching.MOST_RANKED == 1_000
        monkeypatch.setattr(searching, "MOST_RANKED", 7)
        ProductFactory.create_batch(12, name="Mug")
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE products_product")

    def document(self, client, **query):
        return client.get(PRODUCTS, {"filter[search]": "mug", **query}).json()

    @pytest.mark.parametrize(("number", "shown"), [(1, 3), (3, 1), (4, 0), (50, 0)])
    def test_every_page_says_that_the_total_is_an_estimate(self, client, number, shown):
        document = self.document(client, **{"page[number]": number, "page[size]": 3})
        page = document["meta"]["page"]
        assert len(document["data"]) == shown
        assert page.pop("total") == pytest.approx(12, abs=4)
        assert page == {"number": number, "size": 3, "total_is_estimate": True}
        assert "last" not in document["links"]

    @pytest.mark.parametrize("start", [{}, {"page[after]": ""}])
    def test_a_walk_ends_with_the_last_that_is_ranked(self, client, start):
        document = self.document(client, **{"page[size]": 3}, **start)
        seen = [one["id"] for one in document["data"]]
        while url := document["links"].get("next"):
            document = client.get(url).json()
            seen += [one["id"] for one in document["data"]]
        assert len(set(seen)) == len(seen) == 7

    def test_where_seven_are_left_the_total_is_exact(self, client):
        for product in Product.objects.all()[:5]:
            client.delete(f"{PRODUCTS}/{product.pk}")
        page = self.document(client)["meta"]["page"]
        assert page == {"number": 1, "size": 10, "total": 7}


@settings(
    max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))
@example("a\u00a0b")
@example("a\u2028b")
@example("\u2018quoted\u2019 \uff06 \u00ab")
@example("a:b:*c & (d | !e) <-> f")
@example("\\")
@example("''")
@example("\u0130\u0131\u017f")
@example("x" * 3_000)
@example("a " * 1_000)
@pytest.mark.slow
def test_no_text_breaks_a_search(text):
    with transaction.atomic():
        rows = Product.objects.living().matching(text).order_by("-rank", "pk")
        assert list(rows) == []


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.text(alphabet=st.characters(categories=["L", "Nd"], max_codepoint=0x24F), min_size=1))
def test_a_product_is_found_by_its_own_name(text):
    product = ProductFactory(name=text[:255], description="x")
    try:
        assert product in Product.objects.living().matching(product.name)
    finally:
        product.delete()


def test_a_very_long_description_is_searched_as_far_as_it_goes(client):
    ProductFactory(sku="A", description="needle " + "hay " * 200_000)
    ProductFactory(sku="B", description="x" * 900_000)
    assert found(client, "needle") == ["A"]
