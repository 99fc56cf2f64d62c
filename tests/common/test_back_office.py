"""What all pages of the back office have in common, and who may come in."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from common.observability.context import current
from tests.back_office import errors_on, filled_in, send, staff, text_of
from tests.factories import StockLevelFactory

pytestmark = pytest.mark.django_db

USERS = "/admin/auth/user/"
MENU = {
    "Products": "/admin/products/product/",
    "Categories": "/admin/products/category/",
    "Stock levels": "/admin/inventory/stocklevel/",
    "Movements": "/admin/inventory/stockmovement/",
    "Transfers": "/admin/inventory/transfer/",
    "Locations": "/admin/inventory/location/",
    "API keys": "/admin/access/apikey/",
    "Users": "/admin/auth/user/",
    "Groups": "/admin/auth/group/",
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
    for title in MENU.keys() - {"Products"}:
        assert f'href="{MENU[title]}"' not in page


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


# Users and groups


def test_users_and_groups_are_made_here(admin_client):
    entered = {"username": "bo", "password1": "correct horse 7", "password2": "correct horse 7"}
    send(admin_client, f"{USERS}add/", "user_form", **entered)
    assert User.objects.get(username="bo").check_password("correct horse 7")
    send(admin_client, "/admin/auth/group/add/", "group_form", name="Clerks")
    assert Group.objects.get().name == "Clerks"


def test_a_weak_password_is_refused_on_the_form(admin_client):
    entered = {"username": "bo", "password1": "12345678", "password2": "12345678"}
    answer = send(admin_client, f"{USERS}add/", "user_form", **entered)
    assert errors_on(answer).keys() == {"password2"}


def test_who_is_no_superuser_makes_none_and_touches_none(admin_user):
    manager = staff("view_user", "change_user", "add_user", "delete_user")
    clerk = User.objects.get(username="clerk")
    page = f"{USERS}{clerk.pk}/change/"
    form = filled_in(manager.get(page), "user_form", first_name="Bo")
    manager.post(page, form | {"is_superuser": "on", "user_permissions": ["1"]})
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
