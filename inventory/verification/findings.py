"""What a verification finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure of a stock level, a batch or a line that is not what it should be."""

    id: UUID
    sku: str
    location: str
    figure: str
    expected: object
    found: object


@dataclass(frozen=True, slots=True)
class Step:
    """What one step of the verification added up and what it found."""

    movements: int
    differences: list[Difference]
