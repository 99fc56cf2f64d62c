"""Texts that a spreadsheet would take for a formula, made harmless, and as they were.

An apostrophe before them is what spreadsheets themselves use to say "this is text". Texts that
begin with such apostrophes get one more, so that what comes back is always what went out.
"""

from __future__ import annotations

import re
from typing import Final

DANGEROUS: Final = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")  # noqa: RUF001  wide ones count too


def neutral(text: str) -> str:
    """The text with an apostrophe before it, if a spreadsheet could run it."""
    return f"'{text}" if DANGEROUS.match(text) else text


def plain(text: str) -> str:
    """The text without the apostrophe that ``neutral`` put there."""
    return text[1:] if text.startswith("'") and DANGEROUS.match(text) else text
