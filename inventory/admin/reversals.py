"""Corrections in the back office: the ledger is not edited, it is gone on with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404
from django.urls import path, reverse
from django.utils.translation import gettext_lazy

from common.backoffice.admins import ReadOnlyAdmin
from common.backoffice.display import link, moment
from inventory.admin.bulk import BulkAction, BulkAdmin
from inventory.admin.bulk_reversal_forms import MovementsReversal, TransfersReversal
from inventory.admin.display import product_link
from inventory.admin.searching import products_called
from inventory.models import Transfer

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString


REVERSE: Final = "inventory.reverse_movement"


class ReversibleAdmin(BulkAdmin, ReadOnlyAdmin):
    """What is never edited and never deleted, but can be followed by its opposite, once."""

    search_fields: ClassVar = ["product__sku", "reference"]  # asked in get_search_results
    search_help_text = gettext_lazy("SKU, barcode or whole reference")
    ordering: ClassVar = ["-id"]
    sortable_by: ClassVar = ["at"]
    change_form_outer_before_template = "inventory/reversal_link.html"

    @property
    def bulk_actions(self) -> list[BulkAction]:  # type: ignore[override]  # by the list's rows
        form = TransfersReversal if self.model is Transfer else MovementsReversal
        return [BulkAction("reverse", gettext_lazy("Reverse"), REVERSE, form)]

    def reversal(self, request: HttpRequest, row: Any) -> HttpResponse:
        """The page that asks for the reversal of a row, and does it."""
        raise NotImplementedError

    def is_reversible(self, row: Any) -> bool:
        return not hasattr(row, "reversal")

    def reversal_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        if not request.user.has_perm(REVERSE):
            raise PermissionDenied
        return self.reversal(request, row)

    def get_urls(self) -> list[Any]:
        """The reversal's address comes before those that take the rest for an id."""
        view = self.admin_site.admin_view(self.reversal_view)
        name = f"inventory_{self.opts.model_name}_reverse"
        return [path("<path:object_id>/reverse/", view, name=name), *super().get_urls()]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], **kwargs: Any
    ) -> HttpResponse:
        row = context["original"]
        is_living = row.product.deleted_at is None
        if is_living and self.is_reversible(row) and request.user.has_perm(REVERSE):
            address = reverse(f"admin:inventory_{self.opts.model_name}_reverse", args=[row.pk])
            context["reversal_address"] = address
        return super().render_change_form(request, context, **kwargs)

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        """Rows of products by the beginning of the SKU or by barcode, and rows with just this
        reference.
        """
        text = search_term.strip()
        if not text:
            return queryset, False
        wanted = Q(reference=text) | Q(product__in=products_called(text))
        return queryset.filter(wanted), False

    @admin.display(description=gettext_lazy("When"), ordering="id")
    def at(self, row: Any) -> SafeString | None:
        return moment(row.created_at)

    @admin.display(description=gettext_lazy("Product"))
    def of_product(self, row: Any) -> SafeString:
        return product_link(row.product)

    @admin.display(description=gettext_lazy("reversed by"))
    def reversed_by(self, row: Any) -> SafeString | str:
        return link(row.reversal, row.reversal) if hasattr(row, "reversal") else "–"

    @admin.display(description=gettext_lazy("reverses"))
    def reverses(self, row: Any) -> SafeString | str:
        return link(row.reversal_of, row.reversal_of) if row.reversal_of else "–"
