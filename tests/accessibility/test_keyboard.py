"""The back office by the keyboard alone."""

from __future__ import annotations

import pytest

from tests.browser import chromium
from tests.screens import Visit
from tests.screenshots import USER, demo

pytestmark = pytest.mark.slow

PATH = "location.pathname"
IS_OPEN = "document.getElementById('palette').open"
FOCUS = "document.activeElement"


@pytest.fixture(scope="module")
def visit(tmp_path_factory):
    with (
        demo(tmp_path_factory.mktemp("demo")) as (base_url, password),
        chromium(tmp_path_factory.mktemp("browser")) as page,
    ):
        page.look(width=1280, height=800)
        page.log_in(base_url, USER, password)
        yield Visit(page, base_url)


def go(visit, *keys):
    """Press keys of which the last leads to another page."""
    with visit.page.tab.expect_event("load"):
        visit.page.press(*keys)


def test_from_row_to_row_and_into_one(visit):
    visit.to("products/product/")
    names = visit.page.ask(
        "[...document.querySelectorAll('#result_list tbody th')].map(e => e.innerText)"
    )
    visit.page.press("ArrowDown", "ArrowDown")
    assert visit.page.ask(f"{FOCUS}.closest('th').innerText") == names[1]
    visit.page.press("ArrowUp")
    go(visit, "Enter")
    assert names[0].split("\n")[0] in visit.page.ask("document.title")


def test_a_slash_leads_into_the_search_of_a_list_and_arrows_out_of_it(visit):
    visit.to("inventory/stocklevel/")
    visit.page.ask(f"{FOCUS}.blur()")
    visit.page.press("/")
    assert visit.page.ask(f"{FOCUS}.id") == "searchbar"
    assert visit.page.ask("document.getElementById('searchbar').value") == ""
    visit.page.press("ArrowDown")
    assert visit.page.ask(f"Boolean({FOCUS}.closest('#result_list'))")


def test_any_page_is_a_few_letters_away(visit):
    visit.to("")
    visit.page.press("Control+k")
    assert visit.page.ask(IS_OPEN)
    go(visit, *"reserv", "Enter")
    assert visit.page.ask(PATH) == "/admin/inventory/reservation/"


def test_an_action_of_the_page_too(visit):
    visit.scan()
    visit.page.press("Control+k")
    go(visit, *"count", "Enter")
    assert visit.page.ask(PATH).endswith("/count/")


def test_what_is_no_page_is_looked_for_among_the_products(visit):
    visit.to("inventory/batch/")
    visit.page.press("Control+k")
    go(visit, *"9521000100015", "Enter")
    assert "/admin/products/product/" in visit.page.ask(PATH)


def test_escape_closes_the_window_and_the_field_it_was_opened_from_has_the_focus(visit):
    visit.to("inventory/batch/")
    visit.page.press("/", "Control+k")
    visit.page.press("Escape")
    assert not visit.page.ask(IS_OPEN)
    assert visit.page.ask(f"{FOCUS}.id") == "searchbar"


def test_arrows_in_a_field_stay_there(visit):
    visit.scan()
    visit.page.ask("document.querySelector('[name=description]').focus()")
    visit.page.press("ArrowDown")
    assert visit.page.ask(f"{FOCUS}.name") == "description"
