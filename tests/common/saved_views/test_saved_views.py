"""Views of lists that staff save, share and delete."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from common.saved_views import operations
from common.saved_views.models import SavedView
from tests.back_office import filled_in, staff, text_of, told

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

PRODUCTS = "/admin/products/product/"
QUERY = "q=MUG&status__exact=active"
SAVE = reverse("admin:products_product_save_view")
REMOVE = reverse("admin:products_product_remove_view")


@pytest.fixture
def ana():
    return staff("view_product", name="ana")


@pytest.fixture
def bob():
    return staff("view_product", name="bob")


def save(client, name: str, *, query: str = QUERY, **entered):
    """Fill in the form above the list as it is filtered."""
    page = client.get(f"{PRODUCTS}?{query}")
    form = filled_in(page, "save-view", name=name, **entered)
    return client.post(f"{SAVE}?{query}", form, follow=True)


def tabs(client, query: str = "") -> list[str]:
    page = client.get(f"{PRODUCTS}?{query}")
    text_of(page)
    return [view.name for view in page.context["saved_views"]["views"]]


def test_a_view_is_saved_with_search_filters_and_order_and_leads_back_to_them(ana):
    answer = save(ana, "Active mugs", query="o=-4&p=1&status__exact=active&q=MUG")
    assert told(answer) == ["The view “Active mugs” has been saved."]
    view = SavedView.objects.get()
    assert view.query == "o=-4&q=MUG&status__exact=active"
    assert f'href="?{view.query.replace("&", "&amp;")}"' in text_of(ana.get(PRODUCTS))
    assert "Delete this view" in text_of(ana.get(f"{PRODUCTS}?{view.query}"))


def test_a_view_is_ones_own_unless_it_is_shared(ana, bob):
    save(ana, "Mine")
    save(ana, "Ours", query="status__exact=draft", is_shared="on")
    assert tabs(ana) == ["Mine", "Ours"]
    assert tabs(bob) == ["Ours"]
    assert "Shared by ana" in text_of(bob.get(PRODUCTS))


def test_a_view_belongs_to_its_list(ana):
    save(ana, "Mine")
    reader = staff("view_product", "view_category", name="reader")
    page = reader.get("/admin/products/category/")
    assert list(page.context["saved_views"]["views"]) == []


def test_the_same_name_again_replaces_ones_own_view_and_nobody_elses(ana, bob):
    save(ana, "Mugs", is_shared="on")
    save(bob, "Mugs")
    save(ana, "Mugs", query="status__exact=draft")
    found = SavedView.objects.order_by("owner__username").values_list(
        "owner__username", "query", "is_shared"
    )
    assert list(found) == [("ana", "status__exact=draft", False), ("bob", QUERY, False)]


def test_only_its_owner_deletes_a_view(ana, bob):
    save(ana, "Ours", is_shared="on")
    view = SavedView.objects.get()
    assert "Delete this view" not in text_of(bob.get(f"{PRODUCTS}?{view.query}"))
    answer = bob.post(REMOVE, {"view": view.pk}, follow=True)
    assert told(answer) == ["You have no such view; it may have been deleted already."]
    answer = ana.post(REMOVE, {"view": view.pk}, follow=True)
    assert told(answer) == ["The view “Ours” has been deleted."]
    assert not SavedView.objects.exists()


def test_who_looks_after_users_deletes_what_somebody_shared_who_is_gone(ana):
    save(ana, "Ours", is_shared="on")
    save(ana, "Mine")
    User.objects.filter(username="ana").update(is_active=False)
    keeper = staff("view_product", "change_user", name="keeper")
    assert "Delete this view" in text_of(keeper.get(f"{PRODUCTS}?{QUERY}"))
    ours, mine = SavedView.objects.get(name="Ours"), SavedView.objects.get(name="Mine")
    answer = keeper.post(REMOVE, {"view": mine.pk}, follow=True)
    assert told(answer) == ["You have no such view; it may have been deleted already."]
    answer = keeper.post(REMOVE, {"view": ours.pk}, follow=True)
    assert told(answer) == ["The view “Ours” has been deleted."]
    assert SavedView.objects.get() == mine


def test_views_need_the_right_to_see_the_list_and_nothing_more(ana):
    stranger = staff("view_category", name="stranger")
    assert stranger.post(f"{SAVE}?{QUERY}", {"name": "Mine"}).status_code == 403
    assert stranger.post(REMOVE, {"view": "x"}).status_code == 403
    assert not SavedView.objects.exists()


@pytest.mark.parametrize(
    "query",
    [
        "category__secret=1",
        "updated_at__gte=nonsense",
        "e=1",
        "p=2",
        "_popup=1",
        "",
        "status__exact=" + "x" * 2_000,
    ],
    ids=["no such filter", "no value", "error", "page", "popup", "nothing", "too long"],
)
def test_what_is_no_view_of_the_list_is_not_saved(ana, query):
    answer = ana.post(f"{SAVE}?{query}", {"name": "Mine"})
    assert answer.status_code in {302, 400}
    assert not SavedView.objects.exists()


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "\x1b[2J"])
def test_a_view_has_a_name_of_one_line(ana, name):
    answer = ana.post(f"{SAVE}?{QUERY}", {"name": name}, follow=True)
    assert told(answer) == ["Give the view a name of at most 60 letters."]


def test_a_name_is_text_and_no_markup(ana):
    save(ana, "<b>&Mugs</b>")
    assert "<b>&Mugs" not in text_of(ana.get(PRODUCTS))
    assert "&lt;b&gt;&amp;Mugs" in text_of(ana.get(PRODUCTS))


def test_nobody_has_more_views_of_a_list_than_are_read(ana, monkeypatch):
    monkeypatch.setattr(operations, "MOST", 1)
    save(ana, "First")
    assert told(save(ana, "Second")) == ["You have 1 views of this list: delete one first."]
    assert told(save(ana, "First")) == ["The view “First” has been saved."]


def test_saving_is_offered_for_a_list_that_is_searched_filtered_or_sorted(ana):
    assert "save-view" not in text_of(ana.get(PRODUCTS))
    for query in ("q=MUG", "o=2", "status__exact=draft"):
        assert "save-view" in text_of(ana.get(f"{PRODUCTS}?{query}"))
    assert "save-view" not in text_of(ana.get(f"{PRODUCTS}?q=MUG&_popup=1"))


def test_the_number_of_queries_does_not_grow_with_the_views(ana):
    ana.get(PRODUCTS)
    owner = User.objects.get(username="ana")

    def queries(count: int) -> int:
        SavedView.objects.all().delete()
        for number in range(count):
            operations.save_view(
                owner_id=owner.pk,
                of_list="products.product",
                name=f"View {number}",
                query=f"q={number}",
                is_shared=True,
            )
        with CaptureQueriesContext(connection) as asked:
            assert len(tabs(ana)) == count
        return len(asked)

    assert queries(1) == queries(20)


def test_views_go_with_their_owner(ana):
    save(ana, "Mine")
    User.objects.get(username="ana").delete()
    assert not SavedView.objects.exists()
