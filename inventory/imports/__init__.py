"""What of stock can be imported: counts, batches, and when to reorder."""

from typing import Final

from inventory.imports.batches import BatchKind
from inventory.imports.counts import CountKind
from inventory.imports.reorder_points import ReorderPointKind

KINDS: Final = (CountKind(), BatchKind(), ReorderPointKind())

__all__ = ["KINDS"]
