"""Lines of a file, before anybody knows what they mean."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from common.importing.problems import Problem

MOST_BYTES: Final = 10 * 1024 * 1024


@dataclass(slots=True)
class Line:
    """``number`` is that of the row as a spreadsheet shows it."""

    number: int
    cells: Sequence[Any]
    problems: list[Problem] = field(default_factory=list)
