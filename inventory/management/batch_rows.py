"""Rows of a file of batches: what each of them says, and what has become of it."""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import TYPE_CHECKING, Final

from django.db import transaction

from common.api.fields import MAX_QUANTITY, is_printable
from common.errors import DomainError, Duplicate
from inventory import operations
from inventory.management.batch_files import REQUIRED, shown
from inventory.models import Batch, Location
from products.models import Product

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from uuid import UUID

    from inventory.management.legacy.rows import Row

LONGEST: Final = {"reference": 255, "sku": 64, "location": 64}
"""Characters of what is looked up; more could not be found, and would be told at length."""
AT_ONCE: Final = 500
DIGITS: Final = re.compile(r"[0-9]{1,12}")
DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Rejected(Exception):
    """A row that is no batch; the message says why."""


class Outcome(Enum):
    CREATED = "created"
    SKIPPED = "here already"


@dataclass(frozen=True, slots=True)
class Ordered:
    """What a row orders; without an ETA it is here, and is received at once."""

    reference: str
    sku: str
    location: str | None
    quantity: int
    eta: date | None


class Importing:
    """Rows one after the other, each in a transaction of its own."""

    def __init__(self, *, is_rehearsal: bool) -> None:
        self.is_rehearsal = is_rehearsal
        self._lines: dict[str, int] = {}
        self._here: set[str] = set()
        self._products: dict[str, UUID] = {}

    def ahead(self, rows: Sequence[Row]) -> Iterator[Row]:
        """The rows as they are; what they name is looked up for many of them at once."""
        for begin in range(0, len(rows), AT_ONCE):
            part = rows[begin : begin + AT_ONCE]
            self._look_up([ordered for row in part if (ordered := _order_of(row))])
            yield from part

    def _look_up(self, orders: Sequence[Ordered]) -> None:
        """A hint alone: what others add or take away meanwhile is seen all the same."""
        found = Batch.objects.filter(reference__in={each.reference for each in orders})
        self._here = set(found.values_list("reference", flat=True))
        named = Product.objects.living().filter(sku__in={each.sku.upper() for each in orders})
        self._products = dict(named.values_list("sku", "pk"))

    def take(self, row: Row) -> Outcome:
        """Order what a row says, unless that has been done before. Raises Rejected."""
        ordered = judged(row)
        first = self._lines.setdefault(ordered.reference, row.line)
        if first != row.line:
            raise Rejected(f"reference: {ordered.reference} stands in line {first} already")
        try:
            return self._ordered(ordered)
        except DomainError as refusal:
            about = f"{refusal.attribute}: " if refusal.attribute else ""
            raise Rejected(f"{about}{refusal.detail}") from refusal

    def _ordered(self, ordered: Ordered) -> Outcome:
        if ordered.reference not in self._here:
            with suppress(Duplicate):  # somebody has just added it
                self._create(ordered)
                return Outcome.CREATED
        _check_same(ordered)
        return Outcome.SKIPPED

    def _create(self, ordered: Ordered) -> None:
        product_id = self._products.get(ordered.sku.upper())
        with transaction.atomic():
            operations.create_batch(
                reference=ordered.reference,
                product_id=product_id,
                sku=None if product_id else ordered.sku,
                location=ordered.location,
                quantity=ordered.quantity,
                eta=ordered.eta,
            )
            transaction.set_rollback(self.is_rehearsal)


def _order_of(row: Row) -> Ordered | None:
    try:
        return judged(row)
    except Rejected:
        return None


def _check_same(ordered: Ordered) -> None:
    """A batch that is here already is left as it is; a row that says otherwise is told so."""
    rows = Batch.objects.select_related("product", "location")
    batch = rows.get(reference=ordered.reference)
    said = ordered.location
    place = Location.objects.named(said) if said else Location.objects.default()
    here = {
        "sku": (batch.product.sku, ordered.sku.upper()),
        "location": (batch.location, place),
        "quantity": (batch.quantity, ordered.quantity),
        "eta": (batch.eta, ordered.eta),
    }
    if different := [name for name, (now, then) in here.items() if now != then]:
        raise Rejected(
            f"reference: {batch.reference} is here already with another {', '.join(different)}"
        )


def judged(row: Row) -> Ordered:
    """What a row orders, or all that is wrong with it."""
    if row.problem:
        raise Rejected(row.problem)
    cells = {name: unicodedata.normalize("NFC", text.strip()) for name, text in row.values.items()}
    reasons = [
        *(reason for name in LONGEST if (reason := _text_problem(cells.get(name, ""), name))),
        *_number_problem(cells["quantity"]),
        *_day_problem(cells.get("eta", "")),
    ]
    if reasons:
        raise Rejected("; ".join(reasons))
    return Ordered(
        reference=cells["reference"],
        sku=cells["sku"],
        location=cells.get("location") or None,
        quantity=int(cells["quantity"]),
        eta=date.fromisoformat(cells["eta"]) if cells.get("eta") else None,
    )


def _text_problem(text: str, name: str) -> str:
    if not text and name in REQUIRED:
        return f"{name}: it is empty"
    if len(text) > LONGEST[name]:
        return f"{name}: it is longer than {LONGEST[name]} characters"
    return "" if is_printable(text) else f"{name}: it has control characters"


def _number_problem(text: str) -> list[str]:
    if DIGITS.fullmatch(text) and 1 <= int(text) <= MAX_QUANTITY:
        return []
    return [f"quantity: {shown(text)} is no whole number from 1 to {MAX_QUANTITY}"]


def _day_problem(text: str) -> list[str]:
    try:
        if not text or (DAY.fullmatch(text) and date.fromisoformat(text)):
            return []
    except ValueError:
        pass
    return [f"eta: {shown(text)} is no date like 2026-11-24"]
