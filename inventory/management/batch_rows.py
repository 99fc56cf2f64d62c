"""Batches out of a CSV file: what each row says, and what has become of it."""

from __future__ import annotations

import io
import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction

from common.api.fields import MAX_QUANTITY, is_printable
from common.errors import DomainError
from inventory import operations
from inventory.management.legacy.rows import UnreadableDump, csv_rows
from inventory.models import Batch, Location

if TYPE_CHECKING:
    from inventory.management.legacy.rows import Row

COLUMNS: Final = ("reference", "sku", "location", "quantity", "eta")
REQUIRED: Final = ("reference", "sku", "quantity")
OF_REJECTS: Final = ("line", "reason")
"""Columns of a file of rejects, which can be mended and given again."""
LONGEST: Final = 255
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


def read(path: Path) -> list[Row]:
    """All rows of a file. Raises UnreadableDump in one sentence when it is not what it should be.

    Read to its end before anything is written: a file in a wrong encoding changes nothing.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableDump(f"{path} is not UTF-8: write it in UTF-8.") from error
    if not text.strip():
        raise UnreadableDump(f"{path} is empty.")
    rows = list(csv_rows(io.StringIO(text, newline=""), str(path), REQUIRED))
    for row in rows:
        if unknown := [] if row.problem else sorted(row.values.keys() - {*COLUMNS, *OF_REJECTS}):
            told = ", ".join(map(repr, unknown))
            known = ", ".join(COLUMNS)
            raise UnreadableDump(f"{path} has unknown columns: {told}. Known are {known}.")
    return rows


class Importing:
    """Rows one after the other, each in a transaction of its own."""

    def __init__(self, *, is_rehearsal: bool) -> None:
        self.is_rehearsal = is_rehearsal
        self._lines: dict[str, int] = {}

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
        existing = Batch.objects.filter(reference=ordered.reference).select_related(
            "product", "location"
        )
        if batch := existing.first():
            _check_same(batch, ordered)
            return Outcome.SKIPPED
        with transaction.atomic():
            operations.create_batch(
                reference=ordered.reference,
                sku=ordered.sku,
                location=ordered.location,
                quantity=ordered.quantity,
                eta=ordered.eta,
            )
            transaction.set_rollback(self.is_rehearsal)
        return Outcome.CREATED


def _check_same(batch: Batch, ordered: Ordered) -> None:
    """A batch that is here already is left as it is; a row that says otherwise is told so."""
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
        *(reason for name in ("reference", "sku") if (reason := _text_problem(cells[name], name))),
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
    if not text:
        return f"{name}: it is empty"
    if len(text) > LONGEST:
        return f"{name}: it is longer than {LONGEST} characters"
    return "" if is_printable(text) else f"{name}: it has control characters"


def _number_problem(text: str) -> list[str]:
    if DIGITS.fullmatch(text) and 1 <= int(text) <= MAX_QUANTITY:
        return []
    return [f"quantity: {text!r} is no whole number from 1 to {MAX_QUANTITY}"]


def _day_problem(text: str) -> list[str]:
    try:
        if not text or (DAY.fullmatch(text) and date.fromisoformat(text)):
            return []
    except ValueError:
        pass
    return [f"eta: {text!r} is no date like 2026-11-24"]


def as_rejected(row: Row, reason: str) -> dict[str, Any]:
    """The row as a file of rejects has it."""
    cells = row.values if isinstance(row.values, dict) else {}
    return {name: cells.get(name, "") for name in COLUMNS} | {"line": row.line, "reason": reason}
