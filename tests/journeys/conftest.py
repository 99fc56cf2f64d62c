"""A Stockroom that holds the demo, and a browser in which somebody has logged in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser import chromium
from tests.screenshots import USER, demo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Its address, and the password of its staff login."""
    with demo(tmp_path_factory.mktemp("demo")) as shop:
        yield shop


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory, shop: tuple[str, str]) -> Iterator[Page]:
    """Addresses on its pages are relative to the shop's."""
    with chromium(tmp_path_factory.mktemp("browser"), base_url=shop[0]) as page:
        yield page.tab


@pytest.fixture
def visitor(browser: Page) -> Page:
    """Somebody who has not logged in, at a desk; what goes wrong on the way is an error."""
    browser.context.clear_cookies()
    browser.set_viewport_size({"width": 1280, "height": 800})
    browser.set_default_timeout(30_000)
    return browser


@pytest.fixture
def clerk(visitor: Page, shop: tuple[str, str]) -> Iterator[Page]:
    """Somebody who has just logged in."""
    errors: list[str] = []
    visitor.on("pageerror", lambda error: errors.append(str(error)))
    visitor.goto("/admin/")
    visitor.get_by_label("Username").fill(USER)
    visitor.get_by_label("Password").fill(shop[1])
    visitor.get_by_role("button", name="Log in").click()
    visitor.wait_for_url("**/admin/")
    yield visitor
    assert errors == []
