"""When a stock level is low, out, and enough again."""

from __future__ import annotations

ENOUGH = ""
LOW = "low"
OUT = "out"


def alert(known: str, available: int, reorder_point: int | None) -> str:
    """The alert of a stock level with so many units available; ``known`` is the one it had.

    Out at none, low at or below the reorder point. An alert that is open stays until a tenth more
    than the reorder point is there, one unit at least: a level that goes up and down around its
    line is told of once.
    """
    if available <= 0:
        return OUT
    if reorder_point is None:
        return ENOUGH
    line = reorder_point if known == ENOUGH else reorder_point + max(1, reorder_point // 10)
    return LOW if available <= line else ENOUGH
