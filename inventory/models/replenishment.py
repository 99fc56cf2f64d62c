"""Stock levels as purchasing sees them."""

from __future__ import annotations

from typing import ClassVar

from inventory.models.stock import StockLevel


class Replenishment(StockLevel):
    """A stock level of which more may have to be ordered: the same row, with a list of its own.

    It has no permissions of its own: who sees stock levels sees it.
    """

    class Meta:
        proxy = True
        default_permissions: ClassVar = ()
        verbose_name = "level to replenish"
        verbose_name_plural = "levels to replenish"
