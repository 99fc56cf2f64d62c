"""What is on its way and who holds what, on the pages of products and stock levels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db.models import Q
from django.template.loader import render_to_string
from django.urls import reverse

from common.backoffice.display import link
from inventory.admin.holds import LATEST, holds_on, waiting_for
from inventory.admin.promise_display import eta
from inventory.models import Batch, StockLevel

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest
    from django.utils.safestring import SafeString

    from products.models import Product

MOST_SUPPLIES: Final = 1_000


def product_promises(request: HttpRequest, product: Product) -> SafeString:
    """The batches of a product that are on their way, and the orders that hold units of it."""
    query = f"?product={product.pk}"
    return render_to_string(
        "inventory/promises.html",
        {
            "batches": _coming(request, Batch.objects.filter(product=product)),
            "more_batches": reverse("admin:inventory_batch_changelist") + query,
            "holds": _holds_of(product.pk) if _may_see_holds(request) else [],
            "more_holds": reverse("admin:inventory_reservation_changelist") + query,
        },
    )


def level_promises(request: HttpRequest, level: StockLevel) -> SafeString:
    """The same for one stock level: what comes here, and who holds what lies here."""
    here = Batch.objects.filter(product=level.product_id, location=level.location_id)
    context = {
        "batches": _coming(request, here),
        "holds": holds_on(Q(stock_level=level)) if _may_see_holds(request) else [],
    }
    return render_to_string("inventory/promises.html", context)


def _coming(request: HttpRequest, batches: Any) -> list[dict[str, Any]]:
    """The earliest that are outstanding."""
    if not request.user.has_perm("inventory.view_batch"):
        return []
    rows = batches.incoming().select_related("location").order_by("eta", "pk")[:LATEST]
    return [{"row": row, "link": link(row, row.reference), "eta": eta(row)} for row in rows]


def _may_see_holds(request: HttpRequest) -> bool:
    return request.user.has_perm("inventory.view_reservation")


def _holds_of(product_id: UUID) -> list[dict[str, Any]]:
    """By its supplies, of which there are few; the lines of ended orders may be many."""
    levels = StockLevel.objects.filter(product=product_id).values_list("pk", flat=True)
    batches = Batch.objects.incoming().filter(product=product_id).values_list("pk", flat=True)
    of_supplies = Q(stock_level__in=list(levels)) | Q(batch__in=list(batches[:MOST_SUPPLIES]))
    return waiting_for(product_id) + holds_on(of_supplies)
