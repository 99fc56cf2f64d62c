"""How figures of stock look on the pages of the back office."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.utils.html import format_html
from django.utils.translation import gettext as _

from common.backoffice.display import figure, label, link, two_lines

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

    from inventory.models import StockLevel, StockMovement
    from products.models import Product

TONES: Final = {
    "receipt": "good",
    "return": "good",
    "damage": "out",
    "count": "note",
    "reversal": "low",
}
"""The colours of a movement's reason; the others are everyday."""


def product_name(product: Product) -> SafeString:
    return two_lines(product.name, product.sku)


def product_link(product: Product) -> SafeString:
    return two_lines(link(product, product.name), product.sku)


def is_low(level: StockLevel) -> bool:
    return level.reorder_point is not None and level.available <= level.reorder_point


def available(level: StockLevel) -> SafeString:
    """What can be promised, coloured when it is nothing or low, with the reason on hover."""
    if level.available == 0:
        why = _("Out: %(on_hand)s on hand, %(reserved)s of them reserved") % {
            "on_hand": level.on_hand,
            "reserved": level.reserved,
        }
        return label(0, tone="out", reason=why)
    if is_low(level):
        why = _("Low: the reorder point is %(point)s") % {"point": level.reorder_point}
        return label(level.available, tone="low", reason=why)
    return figure(level.available)


def change(movement: StockMovement) -> SafeString:
    """A movement's signed number of units."""
    tone = "less" if movement.delta < 0 else "more" if movement.delta > 0 else "quiet"
    signed = f"{movement.delta:+}".replace("-", "−") if movement.delta else "0"
    return format_html('<span class="so-figure so-{}">{}</span>', tone, signed)


def some_of(count: int, sku: str) -> str:
    return _("%(count)s of %(sku)s") % {"count": count, "sku": sku}


def reason_word(movement: StockMovement) -> str:
    return movement.get_reason_display().capitalize()


def reason(movement: StockMovement) -> SafeString:
    return label(reason_word(movement), tone=TONES.get(movement.reason, "plain"))
