"""Screens of the back office as assistive technology meets them: axe-core finds nothing serious."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import needs
from tests.browser import chromium
from tests.screens import SCREENS, Visit
from tests.screenshots import USER, demo

pytestmark = pytest.mark.slow

DESK = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844, "is_phone": True}
GO_DARK = "document.documentElement.classList.add('dark')"
"""As the admin's theme does, without loading again what can be shown only once."""
HERE = Path(__file__).parent
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
"""WCAG 2.2, levels A and AA, and what axe advises beside them."""
FINDINGS = f"""
axe.run({{ runOnly: {LEVELS} }}).then(({{ violations }}) => violations
    .filter(({{ impact }}) => ["serious", "critical"].includes(impact))
    .map(({{ id, nodes }}) => [id, ...nodes.slice(0, 3).map(({{ html }}) => html.slice(0, 200))]))
"""


@pytest.fixture(scope="module")
def axe(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("axe")
    needs.npm_packages(HERE, folder)
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text()


@pytest.fixture(scope="module")
def visit(tmp_path_factory):
    """Somebody who may do everything, in a Stockroom with the demo in it."""
    with (
        demo(tmp_path_factory.mktemp("demo")) as (base_url, password),
        chromium(tmp_path_factory.mktemp("browser")) as page,
    ):
        page.log_in(base_url, USER, password)
        yield Visit(page, base_url)


@pytest.mark.parametrize("screen", SCREENS)
def test_a_screen_has_nothing_serious(visit, axe, screen):
    visit.page.look(**DESK)
    SCREENS[screen](visit)
    visit.page.ask(axe)
    found = {"light": visit.page.ask(FINDINGS)}
    visit.page.ask(GO_DARK)
    found["dark"] = visit.page.ask(FINDINGS)
    visit.page.look(**PHONE)
    visit.page.ask("scrollTo(0, 0)")  # where nothing that stays in view lies over a line
    found["dark on a phone"] = visit.page.ask(FINDINGS)
    assert not any(found.values()), found


def test_something_serious_would_be_found(visit, axe):
    visit.page.look(**DESK)
    visit.to("")
    visit.page.ask("document.querySelector('.so-scan input').removeAttribute('aria-label')")
    visit.page.ask("document.querySelector('.so-scan input').removeAttribute('placeholder')")
    visit.page.ask(axe)
    assert any(found[0] == "label" for found in visit.page.ask(FINDINGS))


def test_on_a_phone_a_new_secret_is_shown_whole(visit):
    visit.page.look(**DESK)  # on a phone the way there is through a menu
    SCREENS["secret"](visit)
    visit.page.look(**PHONE)
    end = "document.getElementById('secret').getBoundingClientRect().right"
    assert visit.page.ask(f"{end} < innerWidth")


@pytest.mark.parametrize("screen", ["events", "imports", "webhooks"])
def test_on_a_phone_no_instant_is_cut_off(visit, screen):
    visit.page.look(**PHONE)
    SCREENS[screen](visit)
    end = "getBoundingClientRect().right"
    assert visit.page.ask(
        "[...document.querySelectorAll('#result_list time')]"
        f".every(time => time.{end} <= time.closest('td, th').{end})"
    )
