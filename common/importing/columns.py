"""Columns of files, on the fields and widgets of django-import-export: strict in what they read.

A widget's ``clean`` takes what stood in a cell (text from CSV; text, numbers and dates from XLSX)
and raises Unfit; its ``render`` gives what is written there.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from django.utils.translation import gettext_noop as _
from import_export.fields import Field
from import_export.resources import Resource
from import_export.widgets import Widget

from common.api.fields import MAX_QUANTITY, is_printable
from common.backoffice.numbers import AMOUNT
from common.importing.problems import Unfit, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

WHOLE: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
LOST_DIGITS: Final = 10.0**15
NOTHING: Final = object()


class Column(Field):  # type: ignore[misc]  # the library has no types
    """A field with what staff are told of it.

    ``missing`` is the value of files without this column; without it, they say nothing of it.
    ``is_read`` is False for what is only written, for people.
    """

    def __init__(self, attribute: str, widget: Widget, about: str, **options: Any) -> None:
        self.about = about
        self.missing = options.pop("missing", NOTHING)
        super().__init__(attribute=attribute, widget=widget, **options)


class Columns(Resource):  # type: ignore[misc]
    """The columns of a kind of file, in their order, and how a row of the database fills them."""


def as_text(value: Any) -> str:
    """What stood in a cell, as text that reads the same way again."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).upper()
        case float() if value.is_integer() and abs(value) < LOST_DIGITS:
            return str(int(value))
        case datetime() if value.time() == datetime.min.time():
            return value.date().isoformat()
        case date():
            return value.isoformat()
        case _:
            return str(value)


class Text(Widget):  # type: ignore[misc]
    """Text as the API takes it: NFC, trimmed, without control characters; then the rule."""

    def __init__(
        self,
        *,
        longest: int,
        rule: Callable[[str], str] | None = None,
        is_needed: bool = True,
        empty: str | None = "",
    ) -> None:
        """``empty``: what an empty cell means, where it is not needed."""
        super().__init__()
        self.longest, self.rule, self.is_needed, self.empty = longest, rule, is_needed, empty

    def clean(self, value: Any, **_row: Any) -> str | None:
        if isinstance(value, date):
            raise Unfit(
                _("A spreadsheet has made a date of it: make the column text, and mend it.")
            )
        if isinstance(value, float) and abs(value) >= LOST_DIGITS:
            raise Unfit(_("A spreadsheet has cut its digits: make the column text, and mend it."))
        text = unicodedata.normalize("NFC", as_text(value).replace("\r\n", "\n").strip())
        if not text:
            return self._empty()
        if len(text) > self.longest:
            raise Unfit(_("It has more than %(most)s characters."), most=self.longest)
        if not is_printable(text):
            raise Unfit(_("It has control characters."))
        return self.rule(text) if self.rule else text

    def render(self, value: Any, **_more: Any) -> Any:
        return value or ""

    def _empty(self) -> str | None:
        if self.is_needed:
            raise Unfit(_("It is empty."))
        return self.empty


class Whole(Widget):  # type: ignore[misc]
    """A whole number: digits alone, as points and commas differ from reader to reader."""

    def __init__(
        self, *, least: int = 0, most: int = MAX_QUANTITY, empty: int | object | None = NOTHING
    ) -> None:
        super().__init__()
        self.least, self.most, self.empty = least, most, empty

    def clean(self, value: Any, **_row: Any) -> Any:
        text = as_text(value).strip()
        if not text and self.empty is not NOTHING:
            return self.empty
        if not text:
            raise Unfit(_("It is empty."))
        if not WHOLE.fullmatch(text):
            raise Unfit(
                _("“%(value)s” is no whole number: write digits alone, like 1250."),
                value=shown(text),
            )
        if not self.least <= int(text) <= self.most:
            raise Unfit(
                _("%(value)s is not from %(least)s to %(most)s."),
                value=text,
                least=self.least,
                most=self.most,
            )
        return int(text)

    def render(self, value: Any, **_more: Any) -> Any:
        return "" if value is None else value


class Money(Widget):  # type: ignore[misc]
    """An amount with at most two decimals, without thousands marks."""

    def __init__(self, *, rule: Callable[[Decimal], Decimal]) -> None:
        super().__init__()
        self.rule = rule

    def clean(self, value: Any, **_row: Any) -> Decimal:
        text = as_text(value).strip()
        if not text:
            raise Unfit(_("It is empty."))
        if not AMOUNT.fullmatch(text):
            raise Unfit(
                _("“%(value)s” is no amount like 1234.56, without thousands marks or currency."),
                value=shown(text),
            )
        amount = Decimal(text.replace(",", "."))
        if amount != round(amount, 2):
            raise Unfit(
                _("%(value)s has more than two decimals: write 1234.56, without thousands marks."),
                value=shown(text),
            )
        return self.rule(amount.quantize(Decimal("0.01")))

    def render(self, value: Any, **_more: Any) -> Any:
        return "" if value is None else value


class Day(Widget):  # type: ignore[misc]
    """A date: a real one in XLSX, or 2026-11-24; other orders of day and month are guesses."""

    def clean(self, value: Any, **_row: Any) -> date | None:
        text = as_text(value).strip()
        if not text:
            return None
        try:
            if DAY.fullmatch(text):
                return date.fromisoformat(text)
        except ValueError:
            pass
        raise Unfit(_("“%(value)s” is no date like 2026-11-24."), value=shown(text))

    def render(self, value: Any, **_more: Any) -> Any:
        return value or ""


class OneOf(Widget):  # type: ignore[misc]
    """One of some words."""

    def __init__(self, words: Collection[str]) -> None:
        super().__init__()
        self.words = words

    def clean(self, value: Any, **_row: Any) -> str:
        word = as_text(value).strip().lower()
        if word not in self.words:
            raise Unfit(
                _("“%(value)s” is none of: %(words)s."),
                value=shown(word),
                words=", ".join(self.words),
            )
        return word


class Lines(Widget):  # type: ignore[misc]
    """Several texts in one cell, each on a line of its own."""

    def __init__(self, *, most: int, rule: Callable[[str], str]) -> None:
        super().__init__()
        self.most, self.rule = most, rule

    def clean(self, value: Any, **_row: Any) -> list[str]:
        lines = [line.strip() for line in as_text(value).splitlines() if line.strip()]
        if len(lines) > self.most:
            raise Unfit(_("There are more than %(most)s."), most=self.most)
        return [self.rule(line) for line in lines]

    def render(self, value: Any, **_more: Any) -> str:
        return "\n".join(value or [])
