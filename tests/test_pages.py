"""The pages for people, in a real browser: what their scripts draw, not what the server sends."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest
import requests

from tests.browser import Page, chromium
from tests.running import RunningServer

pytestmark = pytest.mark.slow

PHONE = {"width": 390, "height": 844, "is_phone": True}
LISTS = [
    "products/product/",
    "products/category/",
    "inventory/stocklevel/",
    "inventory/stockmovement/",
    "inventory/transfer/",
    "inventory/batch/",
    "inventory/reservation/",
    "inventory/location/",
    "inventory/countsheet/",
    "inventory/replenishment/",
    "importing/import/",
    "people/auditentry/",
    "webhooks/webhookendpoint/",
    "webhooks/webhookdelivery/",
    "events/event/",
    "inbox/inboxmessage/",
    "access/apikey/",
    "auth/user/",
    "notifications/recipient/",
]
OF_PRODUCTS = {
    "products/product/",
    "inventory/stocklevel/",
    "inventory/stockmovement/",
    "inventory/transfer/",
    "inventory/batch/",
    "inventory/reservation/",
}
FORMS = [
    "products/product/add/",
    "inventory/stocklevel/add/",
    "inventory/batch/add/",
    "inventory/countsheet/add/",
    "importing/import/add/",
    "account/",
    "webhooks/webhookendpoint/add/",
    "access/apikey/add/",
    "auth/user/add/",
]
REDOCS_LOGO = "https://cdn.redoc.ly/redoc/logo-mini.svg"  # its page may not ask for it
WIDTH = "document.documentElement.clientWidth"  # innerWidth grows with what is too wide
BEYOND_THE_EDGE = f"""
[...document.body.querySelectorAll("*")]
    .filter(each => each.getClientRects().length && !each.closest("#nav-sidebar"))
    .filter(each => each.getBoundingClientRect().right > {WIDTH} + 1)
    .map(each => each.outerHTML.slice(0, 100))
"""
CUT_OFF = "(list => list.scrollWidth > list.parentElement.clientWidth + 1)(result_list)"
ON_SCREEN = f"(box => box.right <= {WIDTH} && box.left >= 0)(button.getBoundingClientRect())"
SMALL_TARGETS = f"""
[...document.querySelectorAll(".so-button, .so-choice, #stock-form button")]
    .filter(button => button.offsetHeight < 44 || !{ON_SCREEN})
    .map(button => button.textContent.trim())
"""
LOW_CONTRAST = Path(__file__).with_name("low_contrast.js").read_text()
PREVIEW = "document.getElementById('preview').innerText.replace(/\\s+/g, ' ').trim()"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("browser")) as page:
        yield page


@pytest.fixture
def page(browser: Page) -> Page:
    """A window on a desk, which has seen nothing yet."""
    browser.look(width=1280, height=800)
    browser.live_in("UTC")
    browser.requested.clear()
    browser.complaints.clear()
    browser.questions.clear()
    browser.answer = True
    return browser


@pytest.fixture(scope="module")
def login(running_server: RunningServer) -> tuple[str, str]:
    """Name and password of somebody who may do everything."""
    name, password = f"clerk-{secrets.token_hex(4)}", secrets.token_urlsafe(12)
    running_server.manage(
        "shell",
        "-v0",
        "-c",
        "from django.contrib.auth.models import User;"
        f" User.objects.create_superuser({name!r}, password={password!r})",
    )
    return name, password


@pytest.fixture
def clerk(page: Page, running_server: RunningServer, login: tuple[str, str]) -> Page:
    """A browser of somebody who has logged in."""
    page.open(f"{running_server.base_url}/admin/")
    if page.ask("location.pathname") != "/admin/":
        page.log_in(running_server.base_url, *login)
    return page


@pytest.fixture
def stocked(running_server: RunningServer) -> str:
    """The SKU of a product with ten units at the main location, none at another."""
    sku = f"MUG-{secrets.token_hex(4)}".upper()

    def post(path: str, **attributes: str | float | list[str]) -> None:
        answer = requests.post(
            f"{running_server.base_url}/api/v1/{path}",
            json=attributes,
            headers={"X-API-Key": running_server.api_key},
            timeout=30,
        )
        assert answer.status_code == 201, answer.text

    name = "Mug with a name that is long enough to wrap"
    picture = f"{running_server.base_url}/static/products/demo/stoneware-mug.svg"
    post("products", sku=sku, name=name, description="Tea.", price=9.99, images=[picture])
    post("inventory", sku=sku, quantity=10)
    post("locations", code=f"shop-{sku.lower()}", name=f"Shop {sku}")
    post("webhook-endpoints", url=f"https://example.com/hooks/{sku}", description=name)
    return sku


def sell_one(running_server: RunningServer, sku: str) -> None:
    product = requests.get(
        f"{running_server.base_url}/api/v1/products?filter[sku]={sku}",
        headers={"X-API-Key": running_server.api_key},
        timeout=30,
    ).json()["data"][0]["id"]
    answer = requests.patch(
        f"{running_server.base_url}/api/v1/inventory/{product}",
        json={"quantity_delta": -1},
        headers={"X-API-Key": running_server.api_key},
        timeout=30,
    )
    assert answer.status_code == 200, answer.text


def scan(page: Page, running_server: RunningServer, code: str) -> None:
    page.open(f"{running_server.base_url}/admin/")
    page.scan(code)


def open_form(page: Page, action: str) -> None:
    page.do(f"document.querySelector('.so-panel a[href*=\"/{action}/\"]').click()")


def choose(page: Page, kind: str) -> None:
    page.ask(f"document.querySelector('[name=kind][value={kind}]').click()")


def send(page: Page) -> None:
    page.do("document.querySelector('#stock-form button[type=submit]').click()")


@pytest.mark.parametrize(
    ("path", "proof"),
    [
        ("/docs", 'id="operations-'),  # Swagger UI has drawn the operations
        ("/redoc", "createProduct"),  # ReDoc has read the document
        ("/admin/login/", 'name="password"'),
    ],
)
def test_a_page_draws_itself_from_this_server_alone(page, running_server, path, proof):
    page.open(running_server.base_url + path)
    page.wait_until(f"document.body.innerHTML.includes({proof!r})")
    assert [told for told in page.complaints if REDOCS_LOGO not in told] == []
    assert {url for url in page.requested if url.startswith("http")} == {
        url for url in page.requested if url.startswith(running_server.base_url)
    }


def test_a_sale_as_the_readme_tells_it(clerk, running_server, stocked):
    scan(clerk, running_server, stocked.lower())
    assert "/admin/products/product/" in clerk.ask("location.pathname")
    open_form(clerk, "adjust")
    assert clerk.ask(PREVIEW) == ""
    choose(clerk, "sale")
    clerk.enter("quantity", "3")
    assert clerk.ask(PREVIEW) == "On hand 10 → 7 −3 Available 10 → 7 −3"
    clerk.enter("quantity", "11")
    assert clerk.ask(PREVIEW) == "Not possible: 10 are available."
    clerk.enter("quantity", "3")
    send(clerk)
    assert f"{stocked} at Main: 10 → 7 (sale)." in clerk.ask("document.body.innerText")
    assert not clerk.complaints


def test_a_code_is_scanned_anywhere(clerk, running_server, stocked):
    product = (
        f"[...document.querySelectorAll('.so-head')].some(e => e.innerText.includes('{stocked}'))"
    )
    clerk.open(f"{running_server.base_url}/admin/access/apikey/")
    clerk.scan(stocked)
    assert "/admin/products/product/" in clerk.ask("location.pathname")
    assert clerk.ask(product)
    open_form(clerk, "adjust")
    assert clerk.ask("document.activeElement.name") == "kind"
    clerk.scan(stocked)
    assert "/admin/products/product/" in clerk.ask("location.pathname")


def test_a_code_that_is_scanned_into_a_field_for_units_counts_nothing(
    clerk, running_server, stocked
):
    scan(clerk, running_server, stocked)
    open_form(clerk, "count")
    assert clerk.ask("document.activeElement.name") == "quantity"
    clerk.scan("9521000100015")
    assert "Was a code scanned into this field?" in clerk.ask("document.body.innerText")
    assert clerk.ask("document.activeElement.name") == "quantity"
    clerk.scan("10")
    assert "Nothing had to be changed." in clerk.ask("document.body.innerText")


def test_numbers_mean_what_was_typed(clerk, running_server, stocked):
    scan(clerk, running_server, stocked)
    clerk.ask("(field => { field.focus(); field.select() })(document.getElementById('id_price'))")
    clerk.press(*"12,50")
    clerk.do("document.getElementById('product_form').requestSubmit()")
    scan(clerk, running_server, stocked)
    assert clerk.ask("document.getElementById('id_price').value") == "12.50"
    open_form(clerk, "count")
    clerk.press(*"3,5")
    assert clerk.ask(PREVIEW) == "Enter a whole number of units: digits alone."
    clerk.scan("")
    refused = "document.querySelector('.so-field-quantity').innerText"
    assert "Enter a whole number of units" in clerk.ask(refused)
    clerk.press(*"96385074")
    assert clerk.ask(PREVIEW) == "Was a code scanned into this field?"
    assert "Enter a whole number" not in clerk.ask(refused)
    assert not clerk.ask("Boolean(document.querySelector('.errors, [aria-invalid]'))")


def test_who_scans_with_something_entered_and_not_saved_is_asked_first(
    clerk, running_server, stocked
):
    scan(clerk, running_server, stocked)
    page = clerk.ask("location.pathname")
    clerk.ask("document.getElementById('id_name').focus()")
    clerk.press("!")
    clerk.ask("document.activeElement.blur()")
    clerk.questions.clear()
    clerk.answer = False
    clerk.press(*"4006381333931", "Enter")
    assert clerk.ask("location.pathname") == page
    assert clerk.questions == ["beforeunload"]
    assert clerk.ask("document.getElementById('id_name').value").startswith("!")
    clerk.answer = True
    clerk.do("document.getElementById('product_form').requestSubmit()")
    clerk.ask("document.activeElement.blur()")
    clerk.scan(stocked)
    assert clerk.questions == ["beforeunload"]


def test_a_count_that_is_refused_says_so_above_the_form_and_can_be_cancelled(
    clerk, running_server, stocked
):
    scan(clerk, running_server, stocked)
    open_form(clerk, "count")
    sell_one(running_server, stocked)
    clerk.press("9", "9")
    send(clerk)
    wide = "[...document.querySelectorAll('#stock-form, .errornote')].map(e => e.clientWidth)"
    form, note = clerk.ask(wide)
    assert form == note
    assert clerk.ask("document.querySelector('.errornote').offsetTop") < clerk.ask(
        "document.querySelector('.so-field-quantity').offsetTop"
    )
    clerk.questions.clear()
    clerk.press("8")
    assert clerk.ask("document.querySelector('[name=quantity]').value") == "8"
    clerk.do("document.querySelector('.so-last a').click()")
    assert clerk.questions == []


def test_what_is_refused_comes_into_view_with_the_cursor_in_it(clerk, running_server):
    clerk.look(**PHONE)
    clerk.open(f"{running_server.base_url}/admin/products/product/add/")
    entered = {"name": "Mug", "description": "Tea.", "price": "9.99", "barcode": "4006381333930"}
    for name, text in entered.items():
        clerk.enter(name, text)
    clerk.do("document.getElementById('product_form').requestSubmit()")
    assert clerk.ask("document.activeElement.name") == "barcode"
    top, bottom = clerk.ask(
        "(box => [box.top, innerHeight - box.bottom])"
        "(document.activeElement.closest('.errors').getBoundingClientRect())"
    )
    assert top > 60
    assert bottom > 60
    clerk.enter("barcode", "")
    clerk.answer = True


def test_on_a_phone_a_search_keeps_the_title_of_its_list(clerk, running_server):
    clerk.look(**PHONE)
    clerk.open(f"{running_server.base_url}/admin/products/product/?q=nothing-like-it")
    header = clerk.ask("document.getElementById('header-inner').innerText")
    assert "Products" in header
    assert "0 results (Show all)" in header
    assert clerk.ask(BEYOND_THE_EDGE) == []


def test_on_a_phone_a_reference_of_a_movement_says_what_it_is(clerk, running_server, stocked):
    clerk.look(**PHONE)
    scan(clerk, running_server, stocked)
    clerk.ask("document.querySelector('a[href=\"#movements\"]').click()")
    shown = "getComputedStyle(document.querySelector('.tabular td.field-reference'), '::before')"
    assert clerk.ask(f"{shown}.display") != "none"
    assert clerk.ask(f"{shown}.content").strip('"').lower() == "reference"


def test_the_menu_can_be_skipped_by_the_keyboard(clerk, running_server):
    clerk.open(f"{running_server.base_url}/admin/products/category/")
    clerk.ask("document.activeElement.blur()")
    clerk.press("Tab")
    assert clerk.ask("document.activeElement.textContent") == "Skip to content"
    assert clerk.ask("document.activeElement.getBoundingClientRect().top") >= 0
    clerk.press("Enter", "Tab")
    assert clerk.ask("Boolean(document.activeElement.closest('#content'))")


def test_the_demos_pictures_are_shown_by_whatever_name_the_server_is_called(
    page, running_server, login, stocked
):
    here = running_server.base_url.replace("127.0.0.1", "localhost")
    page.log_in(here, *login)
    page.open(f"{here}/admin/inventory/stocklevel/?q={stocked[:-1]}")
    shown = "[...document.querySelectorAll('#result_list img')].map(each => each.naturalWidth > 0)"
    page.wait_until("[...document.images].every(each => each.complete)")
    assert page.ask(shown) == [True]
    assert not page.complaints


def test_the_previews_of_a_count_and_of_a_transfer(clerk, running_server, stocked):
    scan(clerk, running_server, stocked)
    open_form(clerk, "count")
    clerk.enter("quantity", "12")
    assert clerk.ask(PREVIEW) == "On hand 10 → 12 +2 Available 10 → 12 +2"
    clerk.enter("quantity", "10")
    assert "no change" in clerk.ask(PREVIEW)
    scan(clerk, running_server, stocked)
    open_form(clerk, "transfer")
    clerk.ask(
        "{ const to = document.querySelector('[name=to_location]');"
        f" to.value = [...to.options].find(each => each.text.includes('{stocked}')).value }}"
    )
    clerk.enter("quantity", "4")
    assert clerk.ask(PREVIEW) == f"Main 10 → 6 −4 Shop {stocked} 0 → 4 +4"


def test_times_are_those_of_the_reader(clerk, running_server, stocked):
    def shown(zone: str) -> list[str]:
        clerk.live_in(zone)
        clerk.open(f"{running_server.base_url}/admin/inventory/stockmovement/")
        times = "[...document.querySelectorAll('#result_list time')]"
        return clerk.ask(f"{times}.map(time => time.textContent).slice(0, 1)")

    assert shown("Pacific/Kiritimati") != shown("Pacific/Pago_Pago")


@pytest.mark.parametrize("is_dark", [False, True])
def test_on_a_phone_nothing_is_wider_than_the_screen(clerk, running_server, stocked, is_dark):
    clerk.look(**PHONE, is_dark=is_dark)
    for path in ("", *LISTS, *FORMS):
        clerk.open(f"{running_server.base_url}/admin/{path}")
        assert clerk.ask(BEYOND_THE_EDGE) == [], path
    for action in ("adjust", "count", "transfer"):
        scan(clerk, running_server, stocked)
        assert clerk.ask(BEYOND_THE_EDGE) == []
        assert clerk.ask(SMALL_TARGETS) == []
        open_form(clerk, action)
        assert clerk.ask(BEYOND_THE_EDGE) == [], action
        assert clerk.ask(SMALL_TARGETS) == []


def test_on_a_desk_no_list_is_scrolled_sideways(clerk, running_server, stocked):
    """With an ordinary product: what other tests leave may be as long as is allowed."""
    for path in LISTS:
        own = f"?q={stocked}" if path in OF_PRODUCTS else ""
        clerk.open(f"{running_server.base_url}/admin/{path}{own}")
        if clerk.ask("Boolean(document.getElementById('result_list'))"):  # it may be empty
            assert not clerk.ask(CUT_OFF), path


@pytest.mark.parametrize("is_dark", [False, True])
def test_every_text_stands_out_from_its_background(clerk, running_server, stocked, is_dark):
    clerk.look(width=1280, height=800, is_dark=is_dark)
    for path in ("", *LISTS, "products/product/?q=nothing", *FORMS):
        clerk.open(f"{running_server.base_url}/admin/{path}")
        assert clerk.ask(LOW_CONTRAST) == [], path
    scan(clerk, running_server, stocked)
    assert clerk.ask(LOW_CONTRAST) == []
    open_form(clerk, "adjust")
    choose(clerk, "sale")
    clerk.enter("quantity", "11")
    assert clerk.ask(LOW_CONTRAST) == []
