"""The page of a count sheet: scan, write down what is there, see what differs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html

from common.backoffice.display import moment
from inventory.admin.count_entries import ScanForm
from inventory.admin.count_lines import (
    APPLY,
    FILTERS,
    PAGE,
    Sight,
    lines_of,
    rows_of,
    summary_of,
    uuid_in,
)
from inventory.models import CountSheet
from products.models import Product

if TYPE_CHECKING:
    from inventory.admin.count_entries import Sent

KEPT: Final = ("show", "page", "each")
"""What of the address leads back to the same place on the page."""


def sheet_page(
    model_admin: Any, request: HttpRequest, sheet: CountSheet, sent: Sent | None = None
) -> HttpResponse:
    """A page of lines; ``sent`` are the entries that were refused, to be corrected."""
    sight = sight_of(request, sheet)
    show = request.GET.get("show", "")
    show = show if show in sight.filters else ""
    lines = lines_of(sheet).filter(FILTERS[show][1])
    summary = summary_of(sheet)
    page = Paginator(lines, PAGE).get_page(request.GET.get("page"))
    rows = rows_of(page.object_list, sight)
    if sent:
        for row in rows:
            row.typed = sent.typed.get(row.line.pk)
            row.wrong = sent.wrong.get(row.line.pk, "")
    context = model_admin.admin_site.each_context(request) | {
        "title": sheet.name,
        "content_title": sheet.name,
        "opts": model_admin.opts,
        "original": sheet,
        "filters": _filters(sight, summary, show),
        "page": page,
        "rows": rows,
        "query": kept_query(request.GET),
        "previous": kept_query(request.GET, page=page.number - 1),
        "next": kept_query(request.GET, page=page.number + 1),
        "may_count": is_open(sheet) and request.user.has_perm("inventory.change_countsheet"),
        **head_of(request, sheet, summary),
        **_scanned(request, sheet, sight),
    }
    return TemplateResponse(request, "inventory/count_sheet.html", context)


def head_of(request: HttpRequest, sheet: CountSheet, summary: dict[str, int]) -> dict[str, Any]:
    """What ``count_head.html`` shows."""
    sight = sight_of(request, sheet)
    return {
        "sheet": sheet,
        "sight": sight,
        "summary": summary,
        "made": format_html("{}, {}", moment(sheet.created_at), sheet.actor),
        "ledger": _in_the_ledger(request, sheet) if summary["applied"] else "",
        "may_apply": is_open(sheet) and sight.may_apply,
    }


def is_open(sheet: CountSheet) -> bool:
    return sheet.status == CountSheet.Status.OPEN


def sight_of(request: HttpRequest, sheet: CountSheet) -> Sight:
    return Sight(sheet, may_apply=request.user.has_perm(APPLY))


def _filters(sight: Sight, summary: dict[str, int], show: str) -> list[dict[str, Any]]:
    numbers = {
        "": summary["total"],
        "uncounted": summary["total"] - summary["counted_lines"],
        "counted": summary["counted_lines"],
    }
    return [
        {
            "name": name,
            "title": FILTERS[name][0],
            "number": numbers[name] if name in numbers else summary[name],
            "is_chosen": name == show,
        }
        for name in sight.filters
    ]


def _in_the_ledger(request: HttpRequest, sheet: CountSheet) -> str:
    """The address of the movements that the sheet has made."""
    if not request.user.has_perm("inventory.view_stockmovement"):
        return ""
    return f"{reverse('admin:inventory_stockmovement_changelist')}?sheet={sheet.pk}"


def _scanned(request: HttpRequest, sheet: CountSheet, sight: Sight) -> dict[str, Any]:
    """What the scanner has found: a line, or a product that is not on the sheet."""
    line_id = uuid_in(request.GET.get("line", ""))
    product_id = uuid_in(request.GET.get("product", ""))
    lines = rows_of(lines_of(sheet).filter(pk=line_id), sight) if line_id else []
    products = Product.objects.living().only("pk", "sku", "name")
    each = bool(request.GET.get("each"))
    return {
        "current": lines[0] if lines else None,
        "missing": products.filter(pk=product_id).first() if product_id else None,
        "scan": ScanForm(initial={"each": each}),
        "each": each,
    }


def kept_query(given: Any, **more: object) -> str:
    """The query that leads back, with nothing in it but what a sheet's page knows."""
    query = QueryDict(mutable=True)
    for name in KEPT:
        if value := given.get(name):
            query[name] = value
    for name, value in more.items():
        query[name] = str(value)
    return query.urlencode()


def back_to(request: HttpRequest, sheet: CountSheet, **more: object) -> HttpResponse:
    address = reverse("admin:inventory_countsheet_change", args=[sheet.pk])
    query = kept_query(QueryDict(request.POST.get("query", "")), **more)
    return redirect(f"{address}?{query}" if query else address)
