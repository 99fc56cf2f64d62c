"""What supplies a line, as clients and staff see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date


@dataclass(frozen=True, slots=True)
class Share:
    """Units that one stock level or batch gives: the location's code, the batch's reference."""

    location: str
    batch: str | None
    quantity: int
    eta: date | None
