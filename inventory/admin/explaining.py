"""Why is it N? A page that adds up a product's figures, and shows how they came about."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localdate
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from common.backoffice.display import label, moment
from common.database import database_now
from inventory import queries
from inventory.admin.promise_display import RESERVATION_TONES, day
from inventory.models import Reservation, StockLevel, StockMovement
from inventory.models.days import start_of
from inventory.queries.explaining import OPENING, UNEXPLAINED
from products.admin.images import thumbnail
from products.models import Product

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from django.http import HttpRequest, HttpResponse

    from inventory.models import Location

PERIODS: Final = (28, 90, 365)
MOST_POINTS: Final = 20_000
"""Look-ups of a chart: its days times the product's stock levels."""
WORDS: Final = {
    OPENING: gettext_lazy("Opening stock"),
    UNEXPLAINED: gettext_lazy("No movement explains"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the page is to show."""

    location: Location | None
    day: date | None
    """The day whose end is asked about; None for now."""
    days: int
    problem: str = ""

    @property
    def location_id(self) -> UUID | None:
        return self.location.pk if self.location else None

    @property
    def as_of(self) -> datetime | None:
        """The last moment of that day."""
        if self.day is None:
            return None
        return start_of(self.day + timedelta(days=1)) - timedelta(microseconds=1)


def may_explain(request: HttpRequest) -> bool:
    return request.user.has_perms(["inventory.view_stocklevel", "inventory.view_stockmovement"])


def address(product_id: UUID, **query: Any) -> str:
    """The address of the page; what is None or empty is left out of its query."""
    chosen = {name: value for name, value in query.items() if value}
    here = reverse("admin:inventory_stockmovement_explain", args=[product_id])
    return f"{here}?{urlencode(chosen)}" if chosen else here


def explanation_page(model_admin: Any, request: HttpRequest, product_id: UUID) -> HttpResponse:
    """The sums behind a product's figures, now or at the end of a day."""
    if not may_explain(request):
        raise PermissionDenied
    product = get_object_or_404(Product, pk=product_id)
    levels = list(StockLevel.objects.filter(product=product).select_related("location"))
    levels.sort(key=lambda level: (level.location.priority, level.location.code))
    asked = _asked(request, levels)
    found = queries.explain(product, location_id=asked.location_id, as_of=asked.as_of)
    if found is None:
        raise Http404
    title = _("Why is it %(count)s?") % {"count": found.on_hand}
    context = model_admin.admin_site.each_context(request) | {
        "title": f"{product.sku}: {title}",
        "content_title": title,
        "opts": model_admin.opts,
        "product": product,
        "picture": thumbnail(product),
        "href": reverse("admin:products_product_change", args=[product.pk]),
        "asked": asked,
        "today": localdate(),
        "levels": levels,
        "found": found,
        "receipt": _receipt(found, asked),
        "places": _places(found, asked) if len(found.levels) > 1 else [],
        "holds": _holds(request, found),
        "batches": _batches(request, found),
        "movements": _movements(found, asked),
        "export": _movements(found, asked, page="export"),
        "chart": _chart(found, asked, levels),
        "periods": _periods(product, asked),
    }
    return TemplateResponse(request, "inventory/explain.html", context)


def _asked(request: HttpRequest, levels: Sequence[StockLevel]) -> Asked:
    """What makes no sense is not asked; of a day that is no past one the page says so."""
    code, days = request.GET.get("location", ""), request.GET.get("days", "")
    places = {level.location.code: level.location for level in levels}
    if code and code not in places:
        raise Http404
    on, problem = _day(request.GET.get("on", ""))
    period = int(days) if days in map(str, PERIODS) else PERIODS[0]
    return Asked(places.get(code), on, period, problem)


def _day(text: str) -> tuple[date | None, str]:
    """The day, or None for today, and what is wrong with it."""
    if not text:
        return None, ""
    try:
        asked = date.fromisoformat(text)
    except ValueError:
        return None, _("Enter a day such as 2026-11-21.")
    if asked > localdate():
        return None, _("Nobody knows the future: this is the stock of now.")
    return (None if asked == localdate() or asked.year < 2 else asked), ""  # noqa: PLR2004


# The sums


def _receipt(found: queries.Explanation, asked: Asked) -> list[dict[str, Any]]:
    """The lines that add up to what is on hand, each with the movements behind it."""
    return [
        {
            "title": WORDS.get(one.reason) or StockMovement.Reason(one.reason).label,
            "units": signed(one.units),
            "tone": "less" if one.units < 0 else "more" if one.units else "quiet",
            "count": ngettext("%(count)s movement", "%(count)s movements", one.movements)
            % {"count": one.movements},
            "href": _movements(found, asked, reason=one.reason) if one.movements else "",
        }
        for one in found.sums
    ]


def signed(units: int) -> str:
    return f"{units:+}".replace("-", "−") if units else "0"


def _movements(
    found: queries.Explanation, asked: Asked, *, reason: str = "", page: str = "changelist"
) -> str:
    """The list of the movements that a figure is the sum of, or its file."""
    query = {
        "product__id__exact": found.product.pk,
        "location__id__exact": asked.location_id,
        "reason__exact": "receipt" if reason == OPENING else reason,
        "created_at_to": asked.day,
    }
    chosen = urlencode({name: value for name, value in query.items() if value})
    return f"{reverse(f'admin:inventory_stockmovement_{page}')}?{chosen}"


def _places(found: queries.Explanation, asked: Asked) -> list[dict[str, Any]]:
    """Each location's part in the figures."""
    return [
        {
            "level": level,
            "href": address(
                found.product.pk, location=level.location, on=asked.day, days=asked.days
            ),
        }
        for level in found.levels
    ]


def _holds(request: HttpRequest, found: queries.Explanation) -> list[dict[str, Any]]:
    if not request.user.has_perm("inventory.view_reservation"):
        return []
    places = _names(found)
    return [
        {
            "order": hold.order_reference,
            "href": reverse("admin:inventory_reservation_change", args=[hold.reservation_id]),
            "state": _state(hold),
            "expires": moment(hold.expires_at) or _("Never"),
            "quantity": hold.quantity,
            "location": places[hold.location],
        }
        for hold in found.holds
    ]


def _names(found: queries.Explanation) -> dict[str, str]:
    """The names of the locations by their codes."""
    return {level.location: level.location_name for level in found.levels}


def _state(hold: queries.ExplainedHold) -> str:
    if hold.is_overdue:
        why = _("Past its time: whoever needs the units gets them")
        return label(_("Overdue"), tone="low", reason=why)
    word = Reservation.Status(hold.status).label
    return label(word, tone=RESERVATION_TONES[hold.status])


def _batches(request: HttpRequest, found: queries.Explanation) -> list[dict[str, Any]]:
    if not request.user.has_perm("inventory.view_batch"):
        return []
    places = _names(found)
    return [
        {
            "row": batch,
            "location": places[batch.location],
            "eta": day(batch.eta),
            "href": reverse("admin:inventory_batch_change", args=[batch.batch_id]),
        }
        for batch in found.batches
    ]


# The chart


def _periods(product: Product, asked: Asked) -> list[dict[str, Any]]:
    code = asked.location and asked.location.code
    return [
        {
            "title": ngettext("%(count)s day", "%(count)s days", days) % {"count": days},
            "href": address(product.pk, location=code, on=asked.day, days=days) + "#chart",
            "is_chosen": days == asked.days,
        }
        for days in PERIODS
    ]


def _chart(
    found: queries.Explanation, asked: Asked, levels: Sequence[StockLevel]
) -> dict[str, Any]:
    """On hand at the end of each day, as unfold's chart and as a table."""
    step = 1 + asked.days * len(found.levels) // MOST_POINTS
    instants = queries.day_ends(database_now(), asked.days, step=step)
    units = queries.on_hand_at(found.product.pk, instants, location_id=asked.location_id)
    moment_before = timedelta(microseconds=1)
    days = [localdate(instant - moment_before) for instant in instants]
    point = _reorder_point(asked, levels)
    lines = [_line(_("On hand"), units, "var(--color-primary-600)", stepped=True)]
    if point is not None:
        name = _("Reorder point")
        lines.append(_line(name, [point] * len(units), "#ea580c", borderDash=[6, 4]))
    labels = [date_format(each, "j M") for each in days]
    return {
        "data": json.dumps({"labels": labels, "datasets": lines}),
        "said": _("On hand over the last %(days)s days: from %(first)s to %(last)s.")
        % {"days": asked.days, "first": units[0], "last": units[-1]},
        "rows": [(day(each), count) for each, count in zip(days, units, strict=True)][::-1],
        "point": point,
    }


def _line(name: str, units: list[int], colour: str, **more: Any) -> dict[str, Any]:
    looks = {"borderColor": colour, "displayYAxis": True, "maxTicksXLimit": 8}
    return {"label": name, "data": units, **looks, **more}


def _reorder_point(asked: Asked, levels: Sequence[StockLevel]) -> int | None:
    """That of the level; of several levels the sum of those that have one."""
    points = [
        level.reorder_point
        for level in levels
        if asked.location in (None, level.location) and level.reorder_point is not None
    ]
    return sum(points) if points else None
