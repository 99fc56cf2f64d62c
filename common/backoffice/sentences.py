"""What operations say, in the language of whoever reads the page.

Operations know no language but English, and programs get their sentences as they are. The back
office knows the same sentences with placeholders for their figures, and looks those up.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext

if TYPE_CHECKING:
    from collections.abc import Iterable

PLACE: Final = re.compile(r"%\((\w+)\)s")
KNOWN: Final[dict[str, re.Pattern[str]]] = {}


def know(templates: Iterable[str]) -> None:
    """Take in sentences of operations: ``%(count)s of this batch are outstanding.``"""
    for template in templates:
        KNOWN[template] = re.compile(_as_pattern(template), re.DOTALL)


def _as_pattern(template: str) -> str:
    pieces = PLACE.split(template)  # text, name, text, name, ... text
    return "".join(
        f"(?P<{piece}>.+)" if place % 2 else re.escape(piece) for place, piece in enumerate(pieces)
    )


def translated(sentence: str) -> str:
    """The sentence in the reader's language; as it is where no catalog has it."""
    if sentence not in KNOWN:
        for template, pattern in KNOWN.items():
            if found := pattern.fullmatch(sentence):
                return gettext(template) % found.groupdict()
    return gettext(sentence)
