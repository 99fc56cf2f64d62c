"""The screens of the back office, and how staff come to each in the demo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from tests.browser import Page

BARCODE: Final = "9521000100015"
COUNTS: Final = """sku,location,counted
MUG-HARBOUR-350,main,38
BLANKET-MOOR,main,none
NO-SUCH-THING,main,3
"""
WEBHOOKS: Final = "webhooks/webhookendpoint/"
FIRST_LINK: Final = '#result_list tbody a[href*="/change/"]'


@dataclass(frozen=True, slots=True)
class Visit:
    """A browser at a running Stockroom, and the way from page to page."""

    page: Page
    base_url: str

    def to(self, path: str) -> None:
        self.page.open(f"{self.base_url}/admin/{path}")

    def to_first(self, path: str, tail: str = "change/") -> None:
        """The first row of a list: its own page, or another one about it."""
        self.to(path)
        found = self.page.ask(f"document.querySelector('{FIRST_LINK}').pathname")
        self.page.open(f"{self.base_url}{found.removesuffix('change/')}{tail}")

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

    def tick(self, rows: int, action: str) -> None:
        """Tick the first rows of the list that is shown, and choose what to do with them."""
        for row in range(rows):
            self.page.tab.locator("#result_list .action-select").nth(row).check()
        self.page.tab.get_by_label("Action").first.select_option(label=action)
        self.press_button("Run")

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


def new_count_sheet(visit: Visit) -> None:
    """All that is at the first location."""
    visit.to("inventory/countsheet/add/")
    visit.press_button("Make the sheet")


def count_sheet(visit: Visit) -> None:
    """The first three lines have been counted."""
    new_count_sheet(visit)
    fields = visit.page.tab.locator("#count-lines .so-count-units")
    for line, units in enumerate(("2", "30", "1")):
        fields.nth(line).fill(units)
        fields.nth(line).press("Enter")
    visit.page.tab.get_by_role("link", name="Apply all counted (3)").wait_for()


def count_sheets(visit: Visit) -> None:
    new_count_sheet(visit)
    visit.to("inventory/countsheet/")


def printed_sheet(visit: Visit) -> None:
    new_count_sheet(visit)
    visit.follow("Print")


def count_applied(visit: Visit) -> None:
    count_sheet(visit)
    visit.follow("Apply all counted (3)")


def explained(visit: Visit) -> None:
    visit.scan()
    visit.follow("Why is it")


def bulk(visit: Visit) -> None:
    """Three levels that are low, received together."""
    visit.to("inventory/stocklevel/?stock=low")
    visit.tick(3, "Receive")


def replenished(visit: Visit, action: str) -> None:
    visit.to("inventory/replenishment/")
    visit.tick(3, action)


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


def imports(visit: Visit) -> None:
    imported(visit)
    visit.to("importing/import/")


def history(visit: Visit) -> None:
    visit.scan()
    visit.page.open(visit.page.tab.url.replace("/change/", "/history/"))


def webhooks(visit: Visit) -> None:
    """With one that has been sent a test, which nothing delivers here."""
    visit.to(WEBHOOKS)
    if visit.page.tab.locator(FIRST_LINK).count():
        return
    visit.to(f"{WEBHOOKS}add/")
    visit.page.enter("url", "https://shop.example/stockroom")
    visit.page.enter("description", "Online shop")
    visit.press_button("Save")
    visit.follow("I have copied it")
    visit.press_button("Send a test")
    visit.to(WEBHOOKS)


def about_webhooks(visit: Visit, path: str) -> None:
    webhooks(visit)
    visit.to_first(path)


def deliveries(visit: Visit) -> None:
    webhooks(visit)
    visit.to("webhooks/webhookdelivery/")


def new_secret(visit: Visit) -> None:
    """It is shown once, on the page that answers the form."""
    visit.to_first("access/apikey/")
    visit.follow("Rotate the secret")
    visit.press_button("Rotate")


def login(visit: Visit) -> None:
    """As a browser meets it that has not logged in; afterwards it has again."""
    context = visit.page.tab.context
    cookies: Any = context.cookies()
    context.clear_cookies()
    visit.to("login/")
    context.clear_cookies()
    context.add_cookies(cookies)


SCREENS: Final[dict[str, Callable[[Visit], None]]] = {
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
    "login": login,
    "second-factor": lambda visit: visit.to("account/app/"),
    "users": lambda visit: visit.to("auth/user/"),
    "user": lambda visit: visit.to_first("auth/user/"),
    "groups": lambda visit: visit.to("auth/group/"),
    "group": lambda visit: visit.to_first("auth/group/"),
    "api-keys": lambda visit: visit.to("access/apikey/"),
    "api-key": lambda visit: visit.to_first("access/apikey/"),
    "secret": new_secret,
    "webhooks": webhooks,
    "webhook": partial(about_webhooks, path=WEBHOOKS),
    "deliveries": deliveries,
    "delivery": partial(about_webhooks, path="webhooks/webhookdelivery/"),
    "events": lambda visit: visit.to("events/event/"),
    "event": lambda visit: visit.to_first("events/event/"),
    "notifications": lambda visit: visit.to("notifications/recipient/"),
    "categories": lambda visit: visit.to("products/category/"),
    "locations": lambda visit: visit.to("inventory/location/"),
    "transfers": lambda visit: visit.to("inventory/transfer/"),
    "stock-level": lambda visit: visit.to_first("inventory/stocklevel/"),
    "batch": lambda visit: visit.to_first("inventory/batch/"),
    "export": lambda visit: visit.to("importing/import/export/"),
    "upload": lambda visit: visit.to("importing/import/add/?kind=counts"),
    "imports": imports,
    "count-sheets": count_sheets,
    "count-sheet-new": lambda visit: visit.to("inventory/countsheet/add/"),
    "count-sheet-print": printed_sheet,
    "batch-new": lambda visit: visit.to("inventory/batch/add/"),
    "opening": lambda visit: visit.to("inventory/stocklevel/add/"),
    "product-new": lambda visit: visit.to("products/product/add/"),
    "deletion": lambda visit: visit.to_first("products/category/", "delete/"),
    "order": partial(replenished, action="Create batches"),
    "snooze": partial(replenished, action="Snooze"),
    "history": history,
    "empty-list": lambda visit: visit.to("inbox/inboxmessage/"),
    "adjusted": adjusted,  # last, since it changes what others show
}
