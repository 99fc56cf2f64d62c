"""Screens of the back office as assistive technology meets them: axe-core finds nothing serious."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import needs
from tests.browser import chromium
from tests.screenshots import DESKTOP, USER, Visit, demo

pytestmark = pytest.mark.slow

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


@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("screen", DESKTOP)
def test_a_screen_has_nothing_serious(visit, axe, screen, is_dark):
    visit.page.look(width=1280, height=800, is_dark=is_dark)
    DESKTOP[screen](visit)
    visit.page.ask(axe)
    assert visit.page.ask(FINDINGS) == []


def test_something_serious_would_be_found(visit, axe):
    visit.page.look(width=1280, height=800)
    visit.to("")
    visit.page.ask("document.querySelector('.so-scan input').removeAttribute('aria-label')")
    visit.page.ask("document.querySelector('.so-scan input').removeAttribute('placeholder')")
    visit.page.ask(axe)
    assert any(found[0] == "label" for found in visit.page.ask(FINDINGS))
