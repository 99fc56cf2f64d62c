"""Categories in the back office."""

from __future__ import annotations

import pytest

from products.models import Category
from tests.back_office import errors_on, send, text_of, told
from tests.factories import CategoryFactory, ProductFactory

pytestmark = pytest.mark.django_db

LIST = "/admin/products/product/"
CATEGORIES = "/admin/products/category/"


def test_categories_are_added_changed_and_deleted_by_operations(admin_client):
    send(admin_client, f"{CATEGORIES}add/", "category_form", name="Tea & coffee")
    category = Category.objects.get()
    assert category.slug == "tea-coffee"
    address = f"{CATEGORIES}{category.pk}"
    send(admin_client, f"{address}/change/", "category_form", name="Tea")
    category.refresh_from_db()
    assert (category.name, category.slug, category.version) == ("Tea", "tea-coffee", 2)
    admin_client.post(f"{address}/delete/", {"post": "yes"})
    assert not Category.objects.exists()


def test_a_category_cannot_be_put_below_itself(admin_client):
    above = CategoryFactory()
    below = CategoryFactory(parent=above)
    answer = send(admin_client, f"{CATEGORIES}{above.pk}/change/", "category_form", parent=below.pk)
    assert errors_on(answer) == {"parent": ["A category cannot be below itself."]}


def test_a_taken_slug_is_a_sentence_at_the_slug(admin_client):
    CategoryFactory(slug="cups")
    answer = send(admin_client, f"{CATEGORIES}add/", "category_form", name="Cups")
    assert errors_on(answer) == {"slug": ["This slug is taken."]}


def test_a_category_in_use_stays(admin_client):
    cups = ProductFactory(category=CategoryFactory()).category
    answer = admin_client.post(f"{CATEGORIES}{cups.pk}/delete/", {"post": "yes"}, follow=True)
    assert told(answer) == ["Move its products and sub-categories elsewhere first."]
    assert Category.objects.get() == cups


def test_the_list_of_categories_leads_to_their_products(admin_client):
    cups = CategoryFactory(parent=CategoryFactory(name="Kitchen"))
    page = text_of(admin_client.get(f"{CATEGORIES}?q={cups.slug}"))
    assert "Kitchen" in page
    assert f"{LIST}?category__id__exact={cups.pk}" in page
