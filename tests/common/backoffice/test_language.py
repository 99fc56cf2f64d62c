"""Who reads the back office chooses its language; programs are answered in English."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import translation

from tests.back_office import send, text_of
from tests.factories import ProductFactory, StockLevelFactory

pytestmark = pytest.mark.django_db

SPANISH = {"Accept-Language": "es-MX,es;q=0.9,en;q=0.5"}
LANGUAGE = "/admin/language/"


@pytest.fixture
def spaniard(admin_user) -> Client:
    client = Client(headers=SPANISH)
    client.force_login(admin_user)
    return client


@pytest.mark.parametrize(
    ("accepted", "language"),
    [("", "en"), ("es", "es"), ("es-MX,en;q=0.5", "es"), ("fr", "en"), ("fr,es;q=0.2", "es")],
)
def test_the_browser_says_which_language_its_reader_wants(accepted, language):
    answer = Client().get("/admin/login/", headers={"Accept-Language": accepted})
    assert f'<html lang="{language}"' in text_of(answer)
    assert answer["Content-Language"] == language


def test_a_page_says_that_it_depends_on_the_language(spaniard):
    varies = {name.strip().lower() for name in spaniard.get("/admin/")["Vary"].split(",")}
    assert varies >= {"accept-language", "cookie"}


def test_the_words_of_the_trade_are_spanish(spaniard):
    StockLevelFactory(on_hand=3)
    page = text_of(spaniard.get("/admin/inventory/stocklevel/"))
    assert "Niveles de existencias" in page
    assert "En existencia" in page
    assert "Punto de pedido" in page


def test_a_language_is_chosen_in_the_menu_of_the_user_and_stays(admin_client):
    menu = text_of(admin_client.get("/admin/"))
    assert f'action="{LANGUAGE}"' in menu
    assert "Español" in menu or "español" in menu
    choice = {"language": "es", "next": "/admin/products/product/"}
    answer = admin_client.post(LANGUAGE, choice)
    assert (answer.status_code, answer["Location"]) == (302, "/admin/products/product/")
    assert '<html lang="es"' in text_of(admin_client.get("/admin/"))
    admin_client.post(LANGUAGE, choice | {"language": "en"})
    assert '<html lang="en"' in text_of(admin_client.get("/admin/", headers=SPANISH))


def test_the_choice_is_kept_from_scripts_and_from_the_rest_of_the_service():
    cookie = Client().post(LANGUAGE, {"language": "es"}).cookies["django_language"]
    assert (cookie["path"], cookie["samesite"]) == ("/admin/", "Lax")
    assert cookie["httponly"]


@pytest.mark.parametrize("elsewhere", ["https://example.com/", "//example.com", "javascript:0"])
def test_choosing_a_language_leads_nowhere_else(elsewhere):
    answer = Client().post(LANGUAGE, {"language": "es", "next": elsewhere})
    assert answer["Location"] == "/"


@pytest.mark.parametrize("language", ["fr", "", "../../etc", "es\0"])
def test_a_language_that_there_is_not_is_not_taken(language):
    client = Client()
    assert client.post(LANGUAGE, {"language": language}).status_code == 302
    assert '<html lang="en"' in text_of(client.get("/admin/login/"))


def test_no_other_page_can_choose_for_the_reader():
    answer = Client(enforce_csrf_checks=True).post(LANGUAGE, {"language": "es"})
    assert answer.status_code == 403
    assert "django_language" not in answer.cookies


@pytest.mark.parametrize(
    ("address", "sentence"),
    [("/admin/nowhere/", "Aquí no hay nada"), ("/admin/products/nothing/", "Aquí no hay nada")],
)
def test_error_pages_are_in_the_language_of_the_reader(spaniard, address, sentence):
    answer = spaniard.get(address)
    assert answer.status_code == 404
    assert sentence in answer.content.decode()
    assert '<html lang="es">' in answer.content.decode()


def test_who_lacks_a_permission_is_told_so_in_spanish():
    client = Client(headers=SPANISH)
    client.force_login(User.objects.create_user("eva", is_staff=True))
    answer = client.get("/admin/products/product/")
    assert answer.status_code == 403
    assert "No tiene permiso para hacer esto" in answer.content.decode()


def test_numbers_are_taken_as_before(spaniard):
    """A comma and a point are both decimal marks, and no field shows what it would not take."""
    ProductFactory(sku="MUG")
    answer = send(
        spaniard,
        "/admin/products/product/add/",
        "product_form",
        sku="TAZA",
        name="Taza",
        description="Taza",
        price="12,50",
    )
    assert "TAZA" in text_of(answer)
    page = text_of(spaniard.get("/admin/products/product/?q=TAZA", follow=True))
    assert 'value="12.50"' in page


REFUSED = [
    ("get", "/api/v1/products?page[size]=x", None),
    ("get", "/api/v1/products/00000000-0000-7000-8000-000000000000", None),
    ("get", "/api/v1/nowhere", None),
    ("post", "/api/v1/products", {"name": "", "price": "x", "sku": "a b"}),
    ("post", "/api/v1/products", {}),
    ("post", "/api/v1/batches", {"sku": "NONE", "quantity": -1, "reference": ""}),
    ("post", "/api/v1/reservations", {"order_reference": "A", "lines": [], "expires_in": 10**9}),
]


@pytest.mark.parametrize(("method", "address", "body"), REFUSED, ids=[one[1] for one in REFUSED])
def test_programs_are_answered_in_english_whatever_they_accept(client, method, address, body):
    asked = {"X-Request-ID": "the-same"}
    answers = [
        getattr(client, method)(address, *([body] if body is not None else []), headers=headers)
        for headers in (asked, asked | {"Accept-Language": "es"})
    ]
    plain, spanish = answers
    assert plain.status_code >= 400
    assert spanish.content == plain.content
    assert "Content-Language" not in spanish.headers
    assert "accept-language" not in spanish["Vary"].lower()


def test_a_choice_for_the_back_office_is_none_for_the_api(client):
    client.cookies["django_language"] = "es"
    assert "There is nothing" in client.get("/api/v1/nowhere").json()["errors"][0]["detail"]


def test_no_language_stays_behind_in_the_thread(spaniard):
    text_of(spaniard.get("/admin/"))
    assert translation.get_language() == "en"
