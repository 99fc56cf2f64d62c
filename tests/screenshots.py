"""Take the pictures in docs/screenshots anew: ``make screenshots``.

Starts a Stockroom of its own with the demo in it, and goes through the back office as staff do,
in one window after another. The pictures differ from run to run only by the days of the demo.
"""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.browser import Page, chromium
from tests.running import PROJECT, running_stockroom

IS_THERE: Final = "each => each.complete || each.getBoundingClientRect().top > innerHeight"
"""Pictures below the window are loaded once somebody scrolls there."""
FOLDER: Final = PROJECT / "docs" / "screenshots"
USER: Final = "ana"
BARCODE: Final = "9521000100015"
COUNTS: Final = """sku,location,counted
MUG-HARBOUR-350,main,38
BLANKET-MOOR,main,none
NO-SUCH-THING,main,3
"""


@dataclass(frozen=True, slots=True)
class Visit:
    """A browser at a running Stockroom, and the way from page to page."""

    page: Page
    base_url: str

    def to(self, path: str) -> None:
        self.page.open(f"{self.base_url}/admin/{path}")

    def scan(self) -> None:
        self.to("")
        self.page.scan(BARCODE)

    def act(self, action: str, *, units: int, kind: str = "", note: str = "") -> None:
        """Fill in one of the forms that change the stock of the scanned product."""
        self.scan()
        self.page.do(f"document.querySelector('.so-panel a[href*=\"/{action}/\"]').click()")
        if kind:
            self.page.ask(f"document.querySelector('[value={kind}]').click()")
        self.page.enter("quantity", str(units))
        if note:
            self.page.enter("note", note)
        self.page.ask("document.activeElement.blur()")

    def follow(self, link: str) -> None:
        """Click the first link that says so."""
        with self.page.tab.expect_event("load"):
            self.page.tab.get_by_role("link", name=link).first.click()

    def press_button(self, name: str) -> None:
        with self.page.tab.expect_event("load"):
            self.page.tab.get_by_role("button", name=name, exact=True).click()

    def send(self) -> None:
        self.page.do("document.querySelector('#stock-form button[type=submit]').click()")


def movements_of_a_product(visit: Visit) -> None:
    visit.scan()
    visit.page.ask("document.querySelector('a[href=\"#movements\"]').click()")


def refused(visit: Visit) -> None:
    visit.act("adjust", kind="sale", units=400)
    visit.send()


def adjusted(visit: Visit) -> None:
    visit.act("adjust", kind="damage", units=2, note="Fell off the shelf.")
    visit.send()


def reversal(visit: Visit) -> None:
    visit.to("inventory/stockmovement/?reason__exact=damage")
    visit.page.do("document.querySelector('#result_list .field-at a').click()")
    visit.page.do("document.querySelector('a[href$=\"/reverse/\"]').click()")


def reservation(visit: Visit) -> None:
    visit.to("inventory/reservation/")
    visit.page.do("document.querySelector('#result_list .field-shown_order a').click()")


def cut(visit: Visit) -> None:
    """Less comes than was promised of a batch."""
    reservation(visit)
    visit.page.do("document.querySelector('.so-lines a[href*=\"/batch/\"]').click()")
    visit.page.do("document.querySelector('a[href$=\"/quantity/\"]').click()")
    visit.page.press("1")  # in place of what stands there: the field has the focus
    visit.page.ask("document.activeElement.blur()")


def count_sheet(visit: Visit) -> None:
    """All that is at the first location; the first three lines have been counted."""
    visit.to("inventory/countsheet/add/")
    visit.press_button("Make the sheet")
    fields = visit.page.tab.locator("#count-lines .so-count-units")
    for line, units in enumerate(("2", "30", "1")):
        fields.nth(line).fill(units)
        fields.nth(line).press("Enter")
    visit.page.tab.get_by_role("link", name="Apply all counted (3)").wait_for()


def count_applied(visit: Visit) -> None:
    count_sheet(visit)
    visit.follow("Apply all counted (3)")


def explained(visit: Visit) -> None:
    visit.scan()
    visit.follow("Why is it")


def bulk(visit: Visit) -> None:
    """Three levels that are low, received together."""
    visit.to("inventory/stocklevel/?stock=low")
    for row in range(3):
        visit.page.tab.locator("#result_list .action-select").nth(row).check()
    visit.page.tab.get_by_label("Action").first.select_option(label="Receive")
    visit.press_button("Run")


def labels(visit: Visit) -> None:
    visit.scan()
    visit.follow("Print labels")


def imported(visit: Visit) -> None:
    """A file of counts with a row that is wrong."""
    visit.to("importing/import/add/?kind=counts")
    visit.page.tab.locator("input[type=file]").set_input_files(
        {"name": "counts.csv", "mimeType": "text/csv", "buffer": COUNTS.encode()}
    )
    visit.page.do("document.querySelector('#upload-form [type=submit]').click()")


DESKTOP: Final[dict[str, Callable[[Visit], None]]] = {
    "overview": lambda visit: visit.to(""),
    "products": lambda visit: visit.to("products/product/"),
    "product": Visit.scan,
    "product-movements": movements_of_a_product,
    "stock-levels": lambda visit: visit.to("inventory/stocklevel/"),
    "movements": lambda visit: visit.to("inventory/stockmovement/"),
    "batches": lambda visit: visit.to("inventory/batch/"),
    "reservations": lambda visit: visit.to("inventory/reservation/"),
    "reservation": reservation,
    "cut": cut,
    "adjust": lambda visit: visit.act("adjust", kind="damage", units=2, note="Fell off the shelf."),
    "adjust-refused": refused,
    "count": lambda visit: visit.act("count", units=70),
    "transfer": lambda visit: visit.act("transfer", units=12),
    "bulk": bulk,
    "count-sheet": count_sheet,
    "count-apply": count_applied,
    "explain": explained,
    "replenishment": lambda visit: visit.to("inventory/replenishment/"),
    "import": imported,
    "labels": labels,
    "changes": lambda visit: visit.to("people/auditentry/"),
    "account": lambda visit: visit.to("account/"),
    "reverse": reversal,
    "adjusted": adjusted,
}
DARK: Final = ("overview", "products", "product", "count", "cut", "count-sheet", "explain")
PHONE: Final = (
    *("overview", "products", "product", "stock-levels", "adjust", "count"),
    *("batches", "reservation", "count-sheet", "explain", "replenishment"),
)


def pictures() -> Iterator[tuple[str, Callable[[Visit], None], dict[str, bool]]]:
    """The name of each picture, the way to what it shows, and the window."""
    for name, go in DESKTOP.items():
        yield name, go, {}
    for name in DARK:
        yield f"{name}-dark", DESKTOP[name], {"is_dark": True}
    for name in PHONE:
        yield f"{name}-phone", DESKTOP[name], {"is_phone": True}


@contextmanager
def demo(folder: Path) -> Iterator[tuple[str, str]]:
    """The address of a Stockroom that holds the demo, and the password of its staff login."""
    password = secrets.token_urlsafe(12)
    with running_stockroom(folder, DJANGO_SUPERUSER_PASSWORD=password) as server:
        server.manage("seed_demo")
        server.manage(
            "createsuperuser", "--noinput", f"--username={USER}", "--email=ana@shop.example"
        )
        yield server.base_url, password


def main() -> None:
    from config.own_servers import own_servers

    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"DEVELOPMENT": "1", "DATA_DIR": f"{folder}/servers"}
        with (
            own_servers(durable=False),
            chromium(Path(folder, "browser")) as page,
            demo(Path(folder, "running")) as (base_url, password),
        ):
            page.live_in("UTC")
            page.log_in(base_url, USER, password)
            take_all(Visit(page, base_url))


def take_all(visit: Visit) -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, go, window in pictures():
        size = (390, 844) if window.get("is_phone") else (1440, 900)
        visit.page.look(width=size[0], height=size[1], **window)
        go(visit)
        visit.page.wait_until(f"[...document.images].every({IS_THERE})")
        Path(FOLDER, f"{name}.png").write_bytes(visit.page.picture())
        assert not visit.page.complaints, (name, visit.page.complaints)
        sys.stdout.write(f"docs/screenshots/{name}.png\n")


if __name__ == "__main__":
    try:
        main()
    except (pytest.skip.Exception, pytest.fail.Exception) as missing:
        sys.exit(f"No pictures were taken: {missing}.")
