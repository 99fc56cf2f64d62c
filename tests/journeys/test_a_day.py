"""A day at the warehouse, in a real browser: what staff do, by the words on the pages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("journeys")]

BARCODE = "9521000100015"


def find(clerk: Page, code: str) -> None:
    """Scan a code on the page that staff start from."""
    clerk.goto("/admin/")
    clerk.keyboard.type(code)
    clerk.keyboard.press("Enter")
    clerk.wait_for_url("**/products/product/*/change/")


def act(clerk: Page, action: str) -> None:
    """Open one of the forms for the stock at the first location."""
    clerk.locator(".so-panel").get_by_role("link", name=action).first.click()


def on_hand(clerk: Page) -> int:
    """Units at the first location of the product's page."""
    return int(clerk.locator(".so-panel table tbody tr td.so-number").first.inner_text())


def test_a_wrong_password_does_not_get_in(visitor: Page):
    visitor.goto("/admin/")
    visitor.get_by_label("Username").fill("ana")
    visitor.get_by_label("Password").fill("guessed")
    visitor.get_by_role("button", name="Log in").click()
    expect(visitor.get_by_text("Please enter the correct username and password")).to_be_visible()


def test_some_are_damaged(clerk: Page):
    find(clerk, BARCODE)
    before = on_hand(clerk)
    act(clerk, "Adjust")
    clerk.get_by_role("radio", name="Damage").check()
    clerk.get_by_label("Units").fill("2")
    clerk.get_by_label("Note").fill("Fell off the shelf.")
    expect(clerk.locator("#preview")).to_contain_text(str(before - 2))
    clerk.get_by_role("button", name="Adjust stock").click()
    expect(clerk.get_by_text(f"{before} → {before - 2} (damage).")).to_be_visible()
    assert on_hand(clerk) == before - 2


def test_more_than_there_is_is_refused_and_nothing_is_lost(clerk: Page):
    find(clerk, BARCODE)
    before = on_hand(clerk)
    act(clerk, "Adjust")
    clerk.get_by_role("radio", name="Sale").check()
    clerk.get_by_label("Units").fill("99999")
    clerk.get_by_label("Reference").fill("SO-1")
    clerk.get_by_role("button", name="Adjust stock").click()
    expect(clerk.get_by_text(re.compile("available"))).not_to_have_count(0)
    expect(clerk.get_by_label("Units")).to_have_value("99999")
    expect(clerk.get_by_label("Reference")).to_have_value("SO-1")
    find(clerk, BARCODE)
    assert on_hand(clerk) == before


def test_a_count_and_its_line_in_the_ledger(clerk: Page):
    find(clerk, BARCODE)
    before = on_hand(clerk)
    act(clerk, "Count")
    clerk.get_by_label("Counted").fill(str(before + 3))
    clerk.get_by_role("button", name="Set to what I counted").click()
    expect(clerk.get_by_text(f"{before} → {before + 3} (count, +3).")).to_be_visible()
    clerk.goto("/admin/inventory/stockmovement/")
    latest = clerk.locator("#result_list tbody tr").first
    expect(latest).to_contain_text("+3")
    expect(latest).to_contain_text("Count")
    expect(latest).to_contain_text("ana")


def test_labels_are_printed(clerk: Page):
    find(clerk, BARCODE)
    clerk.get_by_role("link", name="Print labels").first.click()
    clerk.get_by_label("Copies of each").fill("3")
    with clerk.expect_response(lambda answer: answer.request.method == "POST") as printed:
        clerk.get_by_role("button", name="Make the PDF").click()
    assert printed.value.status == 200
    assert printed.value.headers["content-type"] == "application/pdf"


def test_a_faulty_file_is_shown_and_changes_nothing(clerk: Page):
    find(clerk, BARCODE)
    before = on_hand(clerk)
    clerk.goto("/admin/importing/import/add/?kind=counts")
    file = b"sku,location,counted\nMUG-HARBOUR-350,main,lots\n"
    counts = {"name": "counts.csv", "mimeType": "text/csv", "buffer": file}
    clerk.locator("input[type=file]").set_input_files(counts)  # type: ignore[arg-type]
    clerk.locator("#upload-form [type=submit]").click()
    expect(clerk.get_by_text("is no whole number")).to_be_visible()
    expect(clerk.get_by_text("MUG-HARBOUR-350").first).to_be_visible()
    find(clerk, BARCODE)
    assert on_hand(clerk) == before
