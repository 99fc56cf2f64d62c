"""What seed_demo loads: a small shop with a month of its stock, and a large assortment beside it.

Told without a database by ``catalogue`` and ``month`` (the shop), ``assortment`` and ``trade`` (the
large one); written by ``shop`` through the operations and by ``bulk`` past them; ``loading`` does
both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from inventory.management.demo.watching import Watch

afterwards: list[Callable[[Watch], object]] = []
"""What other apps do once the demo is loaded, of which most is told by no event."""
