"""Every page of the back office in Spanish, without a text that was left in English."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, Final

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.urls import NoReverseMatch, reverse

from common.access.models import ApiKeySecret
from common.access.operations import create_key
from common.observability.context import acting_as
from inventory import operations
from inventory.models import StockLevel
from inventory.rules import Change
from tests.common.webhooks.rows import an_endpoint, deliveries_to
from tests.factories import (
    CategoryFactory,
    CountSheetFactory,
    LocationFactory,
    ProductFactory,
    StockLevelFactory,
)
from tests.inventory.promise_pages import held, ordered

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

WITH_TEXT: Final = ("title", "placeholder", "aria-label", "alt", "data-title", "label")
UNREAD: Final = {"script", "style", "code", "pre", "svg"}
EMPTY: Final = {"input", "img", "br", "hr", "link", "meta", "source", "wbr", "col", "path"}
NAMES: Final = {
    "admin", "admin@example.com", "Stockroom", "MUG", "PLATE", "BOWL", "Zzbowl", "Zzmug",
    "Zzplate", "Zzshelf", "Zzouter", "zzouter", "zzkey", "Zzcount", "zzgroup", "PO-1", "PO-2",
    "PO-3", "ORDER-1", "ORDER-2", "a test", "main", "Main", "English", "Español",
    "español", "shop", "purchasing", "stockroom", "migrate", "things", "zzshelves",
    "Administrator", "Auditor", "Catalogue", "editor", "Purchasing", "Warehouse", "clerk",
}  # fmt: skip
"""What this test has made, and is called so in every language."""
SAME: Final = {
    "API", "SKU", "URL", "CSV", "XLSX", "PDF", "No", "Total", "Slug", "Error", "Webhook",
    "Webhooks", "webhook", "webhooks", "slug", "General", "Ctrl", "Enter", "esc", "md5", "ms",
    "en", "es",
}  # fmt: skip
"""Words that are the same in Spanish, and what stands on keys."""
OF_PAGES: Final = {
    "/admin/events/event/": {
        "after", "before", "batches", "inventory", "location", "movement_id", "products", "reason",
        "receipt", "reference", "reservations", "sku",
    },
    "/admin/importing/import/add/": {"MUG-BLUE", "Blue", "mug", "Stoneware", "ml", "active"},
    "/admin/auth/group/1/delete/": {
        "Group-permission", "relationship", "relationships", "Group_permissions", "object",
    },
}  # fmt: skip
"""What events hold, as programs get it; examples of files; rows that Django itself names."""
ID: Final = "[0-9a-f]{8}-[0-9a-f-]{27}"
OF_MACHINES: Final = re.compile(
    rf"https?://.*|[a-z_-]+(\.[a-z_]+)+|[\w.+-]+@[\w.]+|{ID}|[a-z-]+:[a-z]+"
    r"|.*\bUTC\b.*|,? ?\d.*|: \w{2,6}\*+|.*\.(?:csv|xlsx)"
)
"""Addresses, types of events, ids, scopes, times with their zone."""


class Texts(HTMLParser):
    """The texts of a page that somebody reads, or has read to them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        is_icon = "material-symbols" in (given.get("class") or "") or tag in UNREAD
        if tag not in EMPTY:
            self._open.append((tag, is_icon))
        self.found += [text for name in WITH_TEXT if (text := given.get(name))]
        if tag == "input" and given.get("type") in {"submit", "button"}:
            self.found.append(given.get("value") or "")

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not any(is_unread for _tag, is_unread in self._open):
            self.found.append(data)


def texts_of(page: Any) -> list[str]:
    reader = Texts()
    reader.feed(page.content.decode())
    found = [" ".join(text.split()) for text in reader.found]
    return [text for text in dict.fromkeys(found) if re.search(r"[A-Za-z]{2}", text)]


def is_the_same_everywhere(text: str, address: str) -> bool:
    same = NAMES | SAME | {secret.last_four for secret in ApiKeySecret.objects.all()}
    same |= {str(connection.settings_dict["USER"])}  # the role that the trail names
    for start, words in OF_PAGES.items():
        if address.startswith(start):
            same |= words
    if text.strip(" ,:") in same or OF_MACHINES.fullmatch(text):
        return True
    found = re.findall(r"[A-Za-zÀ-ÿ][\w'.-]*", re.sub(rf"\b(?:PO|ORDER)-\d|{ID}", " ", text))
    return all(word.rstrip(".") in same or len(word) == 1 or "." in word[:-1] for word in found)


@pytest.fixture
def rows() -> None:
    """At least one row of everything that has a page."""
    mug = ProductFactory(
        sku="MUG",
        name="Zzmug",
        description="Zzmug",
        category=CategoryFactory(name="Zzshelf", slug="zzshelves"),
    )
    ProductFactory(sku="BOWL", name="Zzbowl", description="Zzbowl")
    LocationFactory(code="zzouter", name="Zzouter")
    level = StockLevelFactory(product=mug, on_hand=9, reorder_point=2)
    low = StockLevelFactory(
        product__sku="PLATE", product__name="Zzplate", product__description="Zzplate", on_hand=1
    )
    StockLevel.objects.filter(pk=low.pk).update(reorder_point=5)
    with acting_as("a test"):
        move(level)
        ordered("PO-1", 5)
        ordered("PO-2", 7, days=-3)
        held("ORDER-1", 9)
        held("ORDER-2", 1)
        create_key(name="zzkey", scopes=["products:read"], created_by="a test")
    deliveries_to(an_endpoint(), 1)
    CountSheetFactory(name="Zzcount")
    Group.objects.get_or_create(name="zzgroup")


def move(level: StockLevel) -> None:
    change = Change(product_id=level.product_id, location="main", delta=-1, reason="damage")
    operations.adjust_stock(changes=[change])
    operations.transfer_stock(
        product_id=level.product_id, from_location="main", to_location="zzouter", quantity=2
    )


def addresses() -> Iterator[str]:
    """The overview, every list, every form to add, and every page of the first row of a list."""
    yield reverse("admin:index")
    yield reverse("admin:password_change")
    for model, model_admin in admin.site._registry.items():
        row = model._default_manager.order_by("pk").first()
        for pattern in model_admin.get_urls():
            names = set(pattern.pattern.converters)
            if not pattern.name or names - {"object_id"} or (names and row is None):
                continue
            keys = {"object_id": row.pk} if names and row is not None else {}
            try:
                yield reverse(f"admin:{pattern.name}", kwargs=keys)
            except NoReverseMatch:
                continue


def test_no_page_has_a_text_that_was_left_in_english(rows, admin_user):
    english, spanish = (Client(headers={"Accept-Language": code}) for code in ("en", "es"))
    english.force_login(admin_user)
    spanish.force_login(admin_user)
    left: dict[str, list[str]] = {}
    seen = set()
    for address in dict.fromkeys(addresses()):
        pages = [client.get(address) for client in (english, spanish)]
        if any(page.status_code != 200 or not is_page(page) for page in pages):
            continue
        seen.add(address)
        before, after = (texts_of(page) for page in pages)
        for text in after:
            if text in before and not is_the_same_everywhere(text, address):
                left.setdefault(text, []).append(address)
    assert len(seen) > 60, sorted(seen)
    assert not left, "\n".join(f"{text!r} on {where[0]}" for text, where in left.items())


def is_page(answer: Any) -> bool:
    return str(answer.headers.get("Content-Type", "")).startswith("text/html")
