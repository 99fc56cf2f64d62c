"""What all pages of the back office have in common, and who may come in."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import Group, User
from django.db import OperationalError
from django.test import Client

from common.access.operations import create_key
from common.ids import new_id
from common.observability.context import current
from tests.back_office import errors_on, filled_in, page_of, send, staff, text_of
from tests.factories import CategoryFactory, LocationFactory, ProductFactory, StockLevelFactory

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

USERS = "/admin/auth/user/"
MENU = {
    "Products": "/admin/products/product/",
    "Categories": "/admin/products/category/",
    "Stock levels": "/admin/inventory/stocklevel/",
    "Movements": "/admin/inventory/stockmovement/",
    "Transfers": "/admin/inventory/transfer/",
    "Locations": "/admin/inventory/location/",
    "Webhooks": "/admin/webhooks/webhookendpoint/",
    "Deliveries": "/admin/webhooks/webhookdelivery/",
    "Events": "/admin/events/event/",
    "Handled messages": "/admin/inbox/inboxmessage/",
    "API keys": "/admin/access/apikey/",
    "Users": "/admin/auth/user/",
    "Groups": "/admin/auth/group/",
    "Imports": "/admin/importing/import/",
    "Changes": "/admin/people/auditentry/",
    "Count sheets": "/admin/inventory/countsheet/",
    "Replenishment": "/admin/inventory/replenishment/",
    "Notifications": "/admin/notifications/recipient/",
}


@pytest.mark.parametrize("address", ["/", "/admin"])
def test_a_browser_is_sent_to_the_back_office(address):
    answer = Client(headers={"Accept": "text/html,*/*;q=0.8"}).get(address)
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")


@pytest.mark.parametrize("accept", ["*/*", "application/vnd.api+json", ""])
def test_for_a_program_there_is_nothing_at_the_root(accept):
    answer = Client(headers={"Accept": accept}).get("/")
    assert answer.status_code == 404
    assert answer.json()["errors"][0]["code"] == "not_found"


@pytest.mark.parametrize(
    "address",
    [
        "products/product/?status__exact=%00",
        "inventory/stockmovement/?reason=%00",
        "autocomplete/?app_label=products&model_name=product&field_name=category&term=%00",
    ],
)
def test_a_zero_byte_in_an_address_is_refused(admin_client, address):
    assert admin_client.get(f"/admin/{address}").status_code == 400


def test_after_logging_in_one_is_in_the_back_office():
    User.objects.create_superuser("ana", password="a long password")
    entered = {"username": "ana", "password": "a long password"}
    answer = send(Client(), "/admin/login/", "login-form", **entered)
    assert answer.request["PATH_INFO"] == "/admin/"


def test_the_menu_leads_to_every_list(admin_client):
    page = text_of(admin_client.get("/admin/"))
    for title, address in MENU.items():
        assert re.search(rf'href="{address}".*?{title}', page, re.DOTALL), title
        assert admin_client.get(address).status_code == 200


def test_the_menu_shows_only_what_one_may_see():
    page = text_of(staff("view_product").get("/admin/"))
    assert MENU["Products"] in page
    for title in MENU.keys() - {"Products", "Notifications"}:  # those are everybody's own
        assert f'href="{MENU[title]}"' not in page


def test_the_first_page_offers_a_search_and_what_has_just_happened(admin_client):
    level = StockLevelFactory(product__sku="MUG", on_hand=3)
    page = text_of(admin_client.get("/admin/"))
    assert f'class="so-scan" action="{MENU["Products"]}"' in page
    assert f"{MENU['Stock levels']}?stock=low" in page
    assert page_of(level.movements.get()) in page


def test_the_first_page_shows_only_what_one_may_see():
    StockLevelFactory(product__sku="MUG", on_hand=3)
    page = text_of(staff("view_category").get("/admin/"))
    for hidden in ("so-scan", "stock=low", "MUG"):
        assert hidden not in page


@pytest.mark.parametrize("address", ["/admin/", *MENU.values()])
def test_nobody_comes_in_without_logging_in(client, address):
    answer = Client().get(address)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/admin/login/")


@pytest.mark.parametrize("address", ["/admin/", MENU["Products"], "/admin/products/product/add/"])
def test_pages_load_nothing_from_other_hosts(admin_client, address):
    page = text_of(admin_client.get(address))
    sources = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert sources
    assert [source for source in sources if re.match("https?:|//", source)] == []


def test_every_page_knows_who_uses_it_and_forgets_it_afterwards(admin_client, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "products.extensions.inventories_of", lambda _products: seen.append(current().actor) or {}
    )
    admin_client.get(MENU["Products"])
    assert seen == ["admin"]
    assert current().actor == ""


@pytest.mark.parametrize("query", ["q=%00", "q=%ff", "p=0", "p=x", "p=99999", "o=x.-99", "e=1&x=y"])
@pytest.mark.parametrize("address", [MENU["Products"], MENU["Stock levels"], MENU["Movements"]])
def test_a_nonsensical_query_is_no_error_of_ours(admin_client, address, query):
    StockLevelFactory(on_hand=1)
    answer = admin_client.get(f"{address}?{query}", follow=True)
    assert answer.status_code in (200, 400)


def test_staff_pages_work_through_every_door(admin_client):
    level = StockLevelFactory(on_hand=1)
    for address in (
        f"/admin/products/product/{level.product_id}/history/",
        "/admin/password_change/",
        "/admin/jsi18n/",
        "/admin/products/",
        "/admin/inventory/",
    ):
        assert admin_client.get(address).status_code == 200, address


ROWS = {
    "Categories": lambda: CategoryFactory(parent=CategoryFactory()),
    "Locations": LocationFactory,
    "API keys": lambda: create_key(
        name=f"key {new_id()}", scopes=["products:read"], created_by="ana"
    ),
    "Users": lambda: User.objects.create(username=str(new_id()), is_staff=True),
    "Groups": lambda: Group.objects.create(name=str(new_id())),
}


@pytest.mark.parametrize("title", ROWS)
def test_a_list_takes_as_many_queries_for_many_rows_as_for_few(
    admin_client, django_assert_max_num_queries, title
):
    def shown() -> int:
        page = admin_client.get(MENU[title])
        assert page.status_code == 200
        return len(page.context["cl"].result_list)

    ROWS[title]()
    few = shown()
    with django_assert_max_num_queries(6) as queries:
        assert shown() == few
    for _ in range(10):
        ROWS[title]()
    with django_assert_max_num_queries(len(queries)):
        assert shown() >= few + 10


def test_the_first_page_takes_as_many_queries_for_many_movements_as_for_few(
    admin_client, django_assert_num_queries
):
    StockLevelFactory(on_hand=1)
    admin_client.get("/admin/")
    queries = 15  # session, user, movements, and one for each figure; charts are kept
    with django_assert_num_queries(queries):
        admin_client.get("/admin/")
    for _ in range(9):
        StockLevelFactory(on_hand=1)
    with django_assert_num_queries(queries):
        assert text_of(admin_client.get("/admin/")).count("Receipt<") == 10


# When something is wrong


def test_an_address_where_nothing_is_says_so_and_leads_on(admin_client):
    answer = admin_client.get("/admin/nowhere/")
    assert answer.status_code == 404
    assert "Nothing is here" in answer.content.decode()
    assert 'href="/admin/"' in answer.content.decode()


def test_who_may_not_do_something_is_told_who_can_help():
    answer = staff("view_category").get(MENU["Products"])
    assert answer.status_code == 403
    assert "Your login lacks the permission" in answer.content.decode()


def test_a_form_from_before_another_login_says_what_to_do():
    answer = Client(enforce_csrf_checks=True).post("/admin/login/", {"username": "bo"})
    assert answer.status_code == 403
    assert "Go back, load the page again" in answer.content.decode()


@pytest.mark.parametrize(
    ("failure", "status", "sentence"),
    [
        (RuntimeError("secret"), 500, "Something failed on our side"),
        (OperationalError("secret"), 503, "The database cannot be reached"),
    ],
)
def test_a_failure_is_a_page_with_the_id_that_the_log_has(
    admin_client, monkeypatch, failure, status, sentence
):
    def broken(*_):
        raise failure

    monkeypatch.setattr("products.extensions.inventories_of", broken)
    admin_client.raise_request_exception = False
    ProductFactory()
    answer = admin_client.get(MENU["Products"])
    page = answer.content.decode()
    assert answer.status_code == status
    assert answer.headers.get("Retry-After") == (None if status == 500 else "1")
    assert sentence in page
    assert f"Request {answer['X-Request-ID']}" in page
    assert "secret" not in page


# Users and groups


def test_users_and_groups_are_made_here(admin_client):
    entered = {"username": "bo", "password1": "correct horse 7", "password2": "correct horse 7"}
    send(admin_client, f"{USERS}add/", "user_form", **entered)
    assert User.objects.get(username="bo").check_password("correct horse 7")
    send(admin_client, "/admin/auth/group/add/", "group_form", name="Clerks")
    assert Group.objects.filter(name="Clerks").exists()


def test_a_weak_password_is_refused_on_the_form(admin_client):
    entered = {"username": "bo", "password1": "12345678", "password2": "12345678"}
    answer = send(admin_client, f"{USERS}add/", "user_form", **entered)
    assert errors_on(answer).keys() == {"password2"}


def test_who_is_no_superuser_makes_none_and_touches_none(admin_user):
    manager = staff("view_user", "change_user", "add_user", "delete_user")
    clerk = User.objects.get(username="clerk")
    page = f"{USERS}{clerk.pk}/change/"
    form = filled_in(manager.get(page), "user_form", first_name="Bo")
    own = list(clerk.user_permissions.values_list("pk", flat=True))
    manager.post(page, form | {"is_superuser": "on", "user_permissions": own})
    manager.post(page, form | {"user_permissions": [*own, max(own) + 1]})
    clerk.refresh_from_db()
    assert (clerk.first_name, clerk.is_superuser) == ("Bo", False)
    assert clerk.user_permissions.count() == 4
    admins = f"{USERS}{admin_user.pk}"
    assert manager.post(f"{admins}/change/", form).status_code == 403
    assert manager.get(f"{admins}/password/").status_code == 403
    assert manager.post(f"{admins}/delete/", {"post": "yes"}).status_code == 403
    marked = {"action": "delete_selected", "_selected_action": [admin_user.pk], "post": "yes"}
    manager.post(USERS, marked)
    assert User.objects.filter(pk=admin_user.pk).exists()
