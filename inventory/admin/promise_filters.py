"""Filters of the lists of batches and reservations."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib.admin import SimpleListFilter
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from common.database import ClockTimestamp
from inventory.admin.promise_display import today
from inventory.models import ReservationLine
from inventory.querysets import OPEN
from products.models import Product

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

WEEK = timedelta(days=7)


class BatchStateFilter(SimpleListFilter):
    """What is on its way, unless something else is asked for; a search looks at all of them."""

    title = gettext_lazy("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        self.is_search = bool(request.GET.get("q", "").strip())
        return [
            ("received", pgettext("batch", "Received")),
            ("cancelled", pgettext("batch", "Cancelled")),
            ("all", _("All")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value() or ("all" if self.is_search else "incoming")
        return queryset if value == "all" else queryset.filter(status=value)

    def choices(self, changelist: Any):
        first, *others = super().choices(changelist)
        yield first | {"display": _("Any, as searched") if self.is_search else _("On its way")}
        yield from others


class EtaFilter(SimpleListFilter):
    """Outstanding batches by the day on which they are expected."""

    title = gettext_lazy("ETA")
    parameter_name = "eta"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("overdue", _("Overdue")), ("week", _("Next 7 days")), ("later", _("Later"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        now = today()
        periods = {
            "overdue": Q(eta__lt=now),
            "week": Q(eta__gte=now, eta__lt=now + WEEK),
            "later": Q(eta__gte=now + WEEK),
        }
        period = periods.get(self.value() or "")
        return queryset.filter(period, status="incoming") if period else queryset


class OfProductFilter(SimpleListFilter):
    """One product, as chosen on its page; without one there is nothing to choose here."""

    title = gettext_lazy("product")
    parameter_name = "product"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        chosen = self.used_parameters.get(self.parameter_name)
        if chosen is None:
            return []
        try:
            product_id = UUID(str(chosen))
        except ValueError:
            return [(chosen, _("No product"))]
        sku = Product.objects.filter(pk=product_id).values_list("sku", flat=True).first()
        return [(chosen, sku or _("No product"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        try:
            return self.of_product(queryset, UUID(str(self.value())))
        except ValueError:
            return queryset.none()

    def of_product(self, rows: QuerySet[Any], product_id: UUID) -> QuerySet[Any]:
        return rows.filter(product=product_id)


class HoldingProductFilter(OfProductFilter):
    def of_product(self, rows: QuerySet[Any], product_id: UUID) -> QuerySet[Any]:
        return rows.filter(pk__in=holding([product_id]))


def holding(product_ids: list[UUID]) -> QuerySet[Any]:
    """The ids of the reservations that have a line of one of these products."""
    lines = ReservationLine.objects.filter(product__in=product_ids)
    return lines.values("reservation_id")


class ReservationStateFilter(SimpleListFilter):
    """By status; overdue ones are active and past their time, by the database's clock."""

    title = gettext_lazy("status")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("open", pgettext("reservation", "Open")),
            ("waiting", _("Waiting for supply")),
            ("active", pgettext("reservation", "Active")),
            ("overdue", pgettext("reservation", "Overdue")),
            ("confirmed", pgettext("reservation", "Confirmed")),
            ("shipped", pgettext("reservation", "Shipped")),
            ("released", pgettext("reservation", "Released")),
            ("expired", pgettext("reservation", "Expired")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "open":
                return queryset.filter(status__in=OPEN)
            case "waiting":
                return queryset.filter(Exists(waiting_lines(OuterRef("pk"))))
            case "active":
                return queryset.filter(status="active", expires_at__gt=ClockTimestamp())
            case "overdue":
                return queryset.filter(status="active", expires_at__lte=ClockTimestamp())
            case "confirmed" | "shipped" | "released" | "expired" as status:
                return queryset.filter(status=status)
        return queryset


def waiting_lines(reservation: Any) -> QuerySet[Any]:
    return ReservationLine.objects.filter(reservation=reservation, unallocated__gt=0)
