"""The pages of batches and reservations in a real browser: what their forms say beforehand."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
import requests

from tests.browser import Page
from tests.running import RunningServer
from tests.test_pages import (  # noqa: F401 - the fixtures too
    BEYOND_THE_EDGE,
    LOW_CONTRAST,
    PHONE,
    PREVIEW,
    SMALL_TARGETS,
    browser,
    clerk,
    login,
    page,
    stocked,
)

pytestmark = pytest.mark.slow

BATCH_ACTIONS = ("receive", "quantity", "eta", "cancel")
ETA = "2030-01-09"


@pytest.fixture
def promised(running_server: RunningServer, stocked: str) -> dict[str, str]:  # noqa: F811
    """Ten mugs on hand and twenty on their way; one order has twelve of them, another six."""

    def post(path: str, **attributes: Any) -> str:
        answer = requests.post(
            f"{running_server.base_url}/api/v1/{path}",
            json=attributes,
            headers={"X-API-Key": running_server.api_key},
            timeout=30,
        )
        assert answer.status_code == 201, answer.text
        found: str = answer.json()["data"]["id"]
        return found

    name = secrets.token_hex(4)
    batch = post("batches", sku=stocked, quantity=20, eta=ETA, reference=f"PO-{name}")
    orders = [
        post(
            "reservations",
            order_reference=f"{order}-{name}",
            lines=[{"sku": stocked, "quantity": quantity}],
            allow_incoming=True,
            expires_in=3_600,
        )
        for order, quantity in (("FIRST", 12), ("SECOND", 6))
    ]
    return {"name": name, "batch": batch, "order": orders[0]}


def open_action(clerk: Page, server: RunningServer, path: str) -> None:  # noqa: F811
    clerk.press("Tab")  # somebody is there: otherwise the browser does not ask about what is left
    clerk.open(f"{server.base_url}/admin/inventory/{path}/")


def test_the_forms_of_a_batch_say_beforehand_what_they_do(clerk, running_server, promised):  # noqa: F811
    batch, name = f"batch/{promised['batch']}", promised["name"]
    first, second = f"FIRST-{name}", f"SECOND-{name}"
    open_action(clerk, running_server, f"{batch}/receive")
    assert clerk.ask(PREVIEW) == "On hand 10 → 30 Outstanding 20 → 0"
    clerk.enter("quantity", "21")
    assert clerk.ask(PREVIEW) == "Not possible: 20 are outstanding."
    open_action(clerk, running_server, f"{batch}/quantity")
    clerk.enter("quantity", "15")
    assert clerk.ask(PREVIEW) == "Ordered 20 → 15 Outstanding 20 → 15"
    clerk.enter("quantity", "1")
    assert clerk.ask(PREVIEW) == (
        "Ordered 20 → 1 Outstanding 20 → 1"
        f" These lose their supply, and look for other at once: {second} (6), {first} (1)"
    )
    open_action(clerk, running_server, f"{batch}/eta")
    clerk.enter("eta", "2030-01-02")
    assert clerk.ask(PREVIEW) == (
        f"ETA 9 Jan 2030 → 2 Jan 2030 These are promised for earlier: {second} (6), {first} (2)"
    )
    open_action(clerk, running_server, f"{batch}/cancel")
    assert f"{second} (6), {first} (2)" in clerk.ask(PREVIEW)
    clerk.do("document.querySelector('#stock-form button[type=submit]').click()")
    assert f"PO-{name}: status incoming → cancelled." in clerk.ask("document.body.innerText")
    assert not clerk.complaints


def test_an_extension_says_beforehand_until_when(clerk, running_server, promised):  # noqa: F811
    open_action(clerk, running_server, f"reservation/{promised['order']}/extend")
    assert clerk.ask(PREVIEW) == ""
    clerk.ask("document.querySelector('[name=lasts][value=\"86400\"]').click()")
    assert clerk.ask(PREVIEW).startswith("Expires ")
    clerk.do("document.querySelector('#stock-form button[type=submit]').click()")
    assert f"FIRST-{promised['name']}: held until " in clerk.ask("document.body.innerText")


@pytest.mark.parametrize("is_dark", [False, True])
def test_on_a_phone_all_of_it_fits_and_can_be_read(clerk, running_server, promised, is_dark):  # noqa: F811
    clerk.look(**PHONE, is_dark=is_dark)
    batch, order = f"batch/{promised['batch']}", f"reservation/{promised['order']}"
    pages = [
        *(f"{row}/change" for row in (batch, order)),
        *(f"{batch}/{action}" for action in BATCH_ACTIONS),
        *(f"{order}/{action}" for action in ("release", "extend")),
    ]
    for path in pages:
        open_action(clerk, running_server, path)
        clerk.ask("document.querySelectorAll('[name=lasts]').forEach(each => each.click())")
        assert clerk.ask(BEYOND_THE_EDGE) == [], path
        assert clerk.ask(SMALL_TARGETS) == [], path
        assert clerk.ask(LOW_CONTRAST) == [], path
