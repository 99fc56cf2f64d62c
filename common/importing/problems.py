"""What is wrong with a file, a row or a cell: a sentence, told in the language of its reader."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext

from common.backoffice.sentences import translated

if TYPE_CHECKING:
    from collections.abc import Mapping

SHOWN = 40


@dataclass(frozen=True, slots=True)
class Problem:
    """``message`` is marked for translation, ``params`` are what it names; kept as JSON.

    ``column`` is the heading that it is about; empty for the row or file as a whole.
    """

    column: str
    message: str
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The sentence; what a refusal has said in its own words has no parameters."""
        return gettext(self.message) % self.params if self.params else translated(self.message)

    def as_json(self) -> list[Any]:
        return [self.column, self.message, dict(self.params)]


def from_json(kept: list[Any]) -> Problem:
    column, message, params = kept
    return Problem(column, message, params)


class Unfit(Exception):
    """A file or a cell that cannot be what it should be."""

    def __init__(self, message: str, **params: Any) -> None:
        super().__init__(message)
        self.message = message
        self.params = params

    def about(self, column: str = "") -> Problem:
        return Problem(column, self.message, self.params)


def shown(text: str) -> str:
    """What a cell holds; the beginning of it where it is long."""
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
