"""How long stock lasts, on the pages of the back office."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.utils.translation import ngettext

from common.backoffice.display import label
from inventory.rules.reordering import PERIOD, days_of_cover

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

SHORT: Final = 7
"""So many days are few: most suppliers take longer."""


def cover(available: int, sold: int) -> SafeString | str:
    """Days that what is available lasts at the pace of the last 28; the reason on hover."""
    days = days_of_cover(available, sold)
    if days is None:
        return "–"
    why = ngettext(
        "%(sold)s unit sold in %(period)s days", "%(sold)s units sold in %(period)s days", sold
    ) % {"sold": sold, "period": PERIOD}
    tone = "out" if not days else "low" if days <= SHORT else "quiet"
    shown = ngettext("%(days)s day", "%(days)s days", days) % {"days": days}
    return label(shown, tone=tone, reason=why)
