"""Counting in the aisle, in a real browser: scan, write down, go on where another has stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("journeys")]

BARCODE = "9521000100015"
SKU = "MUG-HARBOUR-350"


@pytest.fixture
def sheet(clerk: Page) -> Page:
    """A new sheet of all that is at the first location."""
    clerk.set_viewport_size({"width": 390, "height": 844})
    clerk.goto("/admin/inventory/countsheet/add/")
    clerk.get_by_role("button", name="Make the sheet").click()
    expect(clerk.get_by_text("Scan, or count from the top.")).to_be_visible()
    return clerk


def scan(page: Page, code: str) -> None:
    page.keyboard.type(code)
    page.keyboard.press("Enter")


def test_a_scan_leads_to_the_line_and_enter_leads_back_to_the_scanner(sheet: Page):
    scan(sheet, BARCODE)
    expect(sheet.get_by_role("heading", name="Harbour stoneware mug, 350 ml")).to_be_visible()
    scan(sheet, "7")
    expect(sheet.get_by_text(f"{SKU}: 7 counted.")).to_be_visible()
    expect(sheet.get_by_label("Scan a barcode or type a SKU")).to_be_focused()


def test_each_scan_counts_one_without_waiting_for_the_server(sheet: Page):
    sheet.get_by_label("Each scan counts one").check()
    sheet.get_by_label("Scan a barcode or type a SKU").focus()
    for _ in range(5):
        scan(sheet, BARCODE)
    expect(sheet.get_by_role("status")).to_have_text(f"{SKU}: 5 counted.")
    scan(sheet, "96385074")
    expect(sheet.get_by_role("status")).to_contain_text("No product has the barcode or SKU")


def test_a_number_is_kept_when_enter_leads_to_the_next_line(sheet: Page):
    fields = sheet.locator("#count-lines .so-count-units")
    fields.first.fill("3")
    fields.first.press("Enter")
    expect(fields.nth(1)).to_be_focused()
    expect(sheet.locator("[data-line]").first).to_contain_text("ana,")
    sheet.reload()
    expect(fields.first).to_have_value("3")
    fields.first.fill("three")
    fields.first.press("Enter")
    expect(sheet.get_by_text("Enter a whole number of units")).to_be_visible()


def test_what_was_counted_is_shown_and_applied(sheet: Page):
    scan(sheet, BARCODE)
    expect(sheet.get_by_role("heading", name="Harbour stoneware mug, 350 ml")).to_be_visible()
    scan(sheet, "400")
    sheet.get_by_role("link", name="Apply all counted (1)").click()
    expect(sheet.locator(".so-count-preview")).to_contain_text("400")
    sheet.get_by_role("button", name="Apply").click()
    expect(sheet.get_by_text("1 line applied:")).to_be_visible()
    sheet.get_by_role("link", name="In the ledger").click()
    expect(sheet.locator("#result_list tbody tr").first).to_contain_text("Count")
