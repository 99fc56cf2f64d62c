"""The browsable API: pages for people, with raw forms that really work."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.staticfiles import finders
from django.test import Client

from products.models import Product
from tests.api_client import JSON, JSON_API, ApiClient
from tests.factories import CategoryFactory, ProductFactory

PRODUCTS = "/api/v1/products"
AS_A_BROWSER_ASKS = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
AS_THE_PAGES_SCRIPT_ASKS = "text/html; q=1.0, */*"


class Page(HTMLParser):
    """What DRF's page script (ajax-form.js) finds on a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[dict] = []
        self.addresses: list[str] = []
        self._open: dict | None = None
        self._text = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.addresses += [found[name] for name in ("src", "href") if found.get(name)]
        if tag == "form":
            self._open = {"method": found.get("data-method") or found.get("method"), **found}
            self._open["methods"] = [self._open["method"]]
            self.forms.append(self._open)
        elif self._open is not None and "data-override" in found:
            self._open[found["data-override"]] = found
            self._text = ""
        elif self._open is not None and tag == "button" and "data-method" in found:
            self._open["methods"].append(found["data-method"])
        elif self._open is not None and tag == "option" and "selected" in found:
            self._open["chosen type"] = found["value"]
        elif self._open is not None and tag == "option":
            self._open.setdefault("first type", found["value"])

    def handle_data(self, data):
        self._text += data

    def handle_endtag(self, tag):
        if tag == "textarea" and self._open is not None:
            self._open["text"] = self._text
        elif tag == "form":
            self._open = None

    def form(self, method):
        (found,) = [one for one in self.forms if method in one["methods"] and "text" in one]
        return found

    def methods(self):
        return {method for one in self.forms for method in one["methods"]}


@pytest.fixture
def staff(db):
    """Somebody who may do everything, logged in to the admin."""
    user = User.objects.create_superuser("ada", password="secret")
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    return client


def page(client, path, status=200):
    answer = client.get(path, headers={"Accept": AS_A_BROWSER_ASKS})
    assert answer.status_code == status
    assert answer["Content-Type"] == "text/html; charset=utf-8"
    return answer.content.decode()


def submit(client, path, form, method, html, **changes):
    """Send a raw form as the page's script does, with the token that the page holds."""
    token = json.loads(re.search(r'id="drf_csrf">(.*?)</script>', html, re.S)[1])
    content = json.loads(form["text"])
    content["data"]["attributes"] |= changes
    return client.generic(
        method,
        path,
        json.dumps(content),
        form.get("chosen type") or form["first type"],
        headers={token["csrfHeaderName"]: token["csrfToken"], "Accept": AS_THE_PAGES_SCRIPT_ASKS},
    )


def test_a_browser_gets_pages(staff):
    product = ProductFactory(name="Mug <b>", category=CategoryFactory())
    for path in (
        PRODUCTS,
        f"{PRODUCTS}?page[size]=1&sort=-name&include=category",
        f"{PRODUCTS}/{product.pk}",
        f"{PRODUCTS}/{product.pk}?include=category",
        f"{PRODUCTS}/{product.pk}/category",
        f"{PRODUCTS}/{product.pk}/relationships/category",
        f"{PRODUCTS}/{product.pk}/inventory",
        "/api/v1/categories",
        "/api/v1/inventory",
        "/api/v1/locations",
        "/api/v1/stock-levels",
        "/api/v1/stock-movements",
        "/api/v1/transfers",
    ):
        html = page(staff, path)
        assert "&quot;jsonapi&quot;" in html, path
        assert "Mug <b>" not in html


@pytest.mark.parametrize(
    ("path", "status"),
    [(f"{PRODUCTS}?bogus=1", 400), (f"{PRODUCTS}/01a1fd94-0000-7000-8000-000000000000", 404)],
)
def test_refusals_are_pages_too(staff, path, status):
    assert "&quot;errors&quot;" in page(staff, path, status)


@pytest.mark.django_db
def test_a_stranger_with_a_browser_is_told_what_is_missing():
    assert "X-API-Key" in page(Client(), PRODUCTS, 401)


def test_a_program_that_asks_for_pages_gets_them(client):
    ProductFactory()
    assert "POST" in Page(page(client, PRODUCTS)).methods()


def test_pages_need_nothing_from_other_hosts_and_all_their_files_are_there(staff):
    found = Page(page(staff, f"{PRODUCTS}/{ProductFactory().pk}"))
    files = [address for address in found.addresses if address.startswith("/static/")]
    assert len(files) > 5
    for file in files:
        assert finders.find(file.removeprefix("/static/")), file
    links = [address for address in found.addresses if "://" in address]
    assert not [link for link in links if "testserver" not in link and "django-rest" not in link]


def test_forms_are_there_for_what_the_address_can_do(staff):
    product = ProductFactory()
    assert Page(page(staff, PRODUCTS)).methods() >= {"POST"}
    methods = Page(page(staff, f"{PRODUCTS}/{product.pk}")).methods()
    assert methods >= {"PATCH", "DELETE"}
    assert "POST" not in methods
    methods = Page(page(staff, f"{PRODUCTS}/{product.pk}/category")).methods()
    assert not {"POST", "PATCH", "DELETE"} & methods


def test_forms_are_there_for_what_the_person_may_do(db):
    user = User.objects.create_user("bob", password="secret", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_product"]))
    client = Client()
    client.force_login(user)
    product = ProductFactory()
    assert "POST" not in Page(page(client, PRODUCTS)).methods()
    assert not {"PATCH", "DELETE"} & Page(page(client, f"{PRODUCTS}/{product.pk}")).methods()
    user.user_permissions.set(Permission.objects.filter(codename__endswith="_product"))
    assert "POST" in Page(page(client, PRODUCTS)).methods()
    assert {"PATCH", "DELETE"} <= Page(page(client, f"{PRODUCTS}/{product.pk}")).methods()


@pytest.mark.usefixtures("commits_at_once")
def test_a_product_is_made_changed_and_deleted_through_the_forms(staff):
    html = page(staff, PRODUCTS)
    form = Page(html).form("POST")
    made = {"name": "Mug", "description": "Red", "price": "4.00"}
    answer = submit(staff, PRODUCTS, form, "POST", html, **made)
    assert answer.status_code == 201
    assert answer["Content-Type"].startswith("text/html")  # the script puts it on the screen
    product = Product.objects.get(name="Mug")

    path = f"{PRODUCTS}/{product.pk}"
    html = page(staff, path)
    form = Page(html).form("PATCH")
    shown = json.loads(form["text"])["data"]
    assert shown["id"] == str(product.pk)
    assert shown["attributes"]["name"] == "Mug"
    assert "version" not in shown["attributes"]
    answer = submit(staff, path, form, "PATCH", html, name="Cup")
    assert answer.status_code == 200
    product.refresh_from_db()
    assert (product.name, product.version) == ("Cup", 2)

    token = json.loads(re.search(r'id="drf_csrf">(.*?)</script>', html, re.S)[1])
    headers = {token["csrfHeaderName"]: token["csrfToken"], "Accept": AS_THE_PAGES_SCRIPT_ASKS}
    answer = staff.delete(path, headers=headers)
    assert answer["Content-Type"].startswith("text/html")
    page(staff, path, 404)


def test_the_form_of_a_relationship_holds_its_linkage(staff):
    category = CategoryFactory()
    path = f"{PRODUCTS}/{ProductFactory(category=category).pk}/relationships/category"
    form = Page(page(staff, path)).form("PATCH")
    assert json.loads(form["text"]) == {"data": {"type": "categories", "id": str(category.pk)}}


def test_both_media_types_can_be_chosen_as_the_script_looks_for_them(staff):
    html = page(staff, PRODUCTS)
    form = Page(html).form("POST")
    assert form["content-type"]["name"] == "_content_type"
    assert form["content"]["name"] == "_content"
    assert form["chosen type"] == JSON_API
    assert f'value="{JSON}"' in html


def test_what_the_form_refuses_is_shown_on_the_page(staff):
    html = page(staff, PRODUCTS)
    answer = submit(staff, PRODUCTS, Page(html).form("POST"), "POST", html, price="x")
    assert answer.status_code == 422
    assert answer["Content-Type"].startswith("text/html")
    html = answer.content.decode()
    assert "/data/attributes/price" in html
    mended = json.loads(Page(html).form("POST")["text"])
    assert mended["data"]["attributes"] == {"price": "x"}


def test_a_plain_body_that_was_refused_is_there_to_be_mended_too(client):
    headers = {"Accept": AS_A_BROWSER_ASKS}
    answer = client.post(PRODUCTS, {"name": "M\u00fcg"}, JSON, headers=headers)
    form = Page(answer.content.decode()).form("POST")
    assert (form["chosen type"], json.loads(form["text"])) == (JSON, {"name": "M\u00fcg"})


@pytest.mark.parametrize(("body", "status"), [(b"{", 400), (b"[]", 400), (b"", 400)])
def test_a_body_that_could_not_be_read_leaves_an_empty_form(client, body, status):
    headers = {"Accept": AS_A_BROWSER_ASKS}
    answer = client.post(PRODUCTS, body, JSON, headers=headers)
    assert answer.status_code == status
    form = Page(answer.content.decode()).form("POST")
    assert json.loads(form["text"]) == {"data": {"type": "products", "attributes": {}}}


@pytest.mark.parametrize("token", [None, "wrong" * 8])
@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_a_session_without_the_pages_token_changes_nothing(staff, method, token):
    product = ProductFactory()
    path = PRODUCTS if method == "POST" else f"{PRODUCTS}/{product.pk}"
    page(staff, PRODUCTS)
    headers = {"X-CSRFToken": token} if token else {}
    answer = staff.generic(method, path, b'{"name": "Cup"}', JSON, headers=headers)
    assert answer.status_code == 403
    assert answer.json()["errors"][0]["code"] == "permission_denied"
    product.refresh_from_db()
    assert (product.name != "Cup", product.deleted_at) == (True, None)


def test_a_session_of_somebody_who_is_no_staff_is_nobody(db):
    client = Client()
    client.force_login(User.objects.create_user("eve"))
    answer = client.get(PRODUCTS, headers={"Accept": JSON_API})
    assert answer.status_code == 401


def test_a_key_that_is_not_accepted_is_not_replaced_by_a_session(staff):
    answer = staff.get(PRODUCTS, headers={"X-API-Key": "nonsense", "Accept": JSON_API})
    assert answer.status_code == 401


def test_staff_are_told_apart_from_programs_in_what_they_cause(staff):
    from common.events.models import Event

    html = page(staff, PRODUCTS)
    made = {"name": "Mug", "description": "Red", "price": "4.00"}
    submit(staff, PRODUCTS, Page(html).form("POST"), "POST", html, **made)
    assert Event.objects.get(type="product.created").actor == "ada"


def test_one_resource_on_a_page_carries_no_tag(client):
    path = f"{PRODUCTS}/{ProductFactory().pk}"
    assert "ETag" not in client.get(path, headers={"Accept": "text/html"})


@pytest.mark.django_db
def test_a_page_is_never_a_cached_answer_of_a_program(client: ApiClient):
    path = f"{PRODUCTS}/{ProductFactory().pk}"
    client.get(path)
    assert client.get(path)["Content-Type"] == JSON_API
    assert "<html" in page(client, path)
