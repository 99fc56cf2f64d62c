"""Batches in the back office: added and acted on by forms, otherwise to be read."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import path, reverse
from django.utils.translation import gettext_lazy

from common.backoffice.admins import OperationsAdmin
from common.backoffice.display import figure, moment
from common.backoffice.filters import DatesFilter
from common.importing.admin.lists import WithFiles
from inventory import operations
from inventory.admin.batch_actions import ACTIONS, BatchAction, links, product_is_gone
from inventory.admin.batch_forms import NewBatchForm
from inventory.admin.bulk import BulkAction, BulkAdmin
from inventory.admin.bulk_promise_forms import BatchesReceipt
from inventory.admin.display import product_name
from inventory.admin.filters import LocationFilter
from inventory.admin.histories import history
from inventory.admin.holds import LATEST, holds_on
from inventory.admin.promise_display import batch_state, eta
from inventory.admin.promise_filters import BatchStateFilter, EtaFilter, OfProductFilter
from inventory.admin.searching import products_called
from inventory.admin.stock_page import action_page
from inventory.models import Batch, Location
from products.admin.images import thumbnail

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.utils.safestring import SafeString


@admin.register(Batch)
class BatchAdmin(WithFiles, BulkAdmin, OperationsAdmin):
    files = "batches"
    actions = []
    bulk_actions = (
        BulkAction("receive", gettext_lazy("Receive"), "inventory.receive_batch", BatchesReceipt),
    )
    form = NewBatchForm
    fieldsets = [(gettext_lazy("Record"), {"fields": ["created", "changed"]})]
    readonly_fields = ["created", "changed"]
    autocomplete_fields = ["product"]
    list_display = [
        "shown_reference",
        "of_product",
        "place",
        "shown_quantity",
        "shown_received",
        "shown_outstanding",
        "shown_allocated",
        "shown_eta",
        "shown_state",
    ]
    sortable_by = ["shown_eta"]
    list_filter = [
        BatchStateFilter,
        EtaFilter,
        ("location", LocationFilter),
        ("updated_at", DatesFilter),
        OfProductFilter,
    ]
    search_fields = ["reference", "product__sku"]  # asked in get_search_results
    search_help_text = gettext_lazy("Beginning of the reference, SKU or barcode")
    ordering = ["eta"]
    empty_advice = gettext_lazy(
        "What you have ordered and not received yet is listed here, by its ETA."
    )

    def create(self, values: dict[str, Any]) -> Batch:
        location_id = values.pop("location_id")
        return operations.create_batch(location=str(location_id), **values)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Batch]:
        rows = super().get_queryset(request).select_related("product", "location")
        return rows.defer("product__search", "product__description")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Changes are actions, each with its form: nobody writes into the fields."""
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return any(request.user.has_perm(f"inventory.{verb}_batch") for verb in ("view", "change"))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Batch | None = None) -> list[Any]:
        return self.fieldsets if obj else [(None, {"fields": NewBatchForm.Meta.fields})]

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, **kwargs)
        form.may_receive = request.user.has_perm("inventory.receive_batch")
        return form

    def get_readonly_fields(self, request: HttpRequest, obj: Batch | None = None) -> Any:
        return self.readonly_fields if obj else ()

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        default = {"location": Location.objects.default().pk}
        return default | super().get_changeform_initial_data(request)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], **kwargs: Any
    ) -> HttpResponse:
        """Its history stands on the page itself."""
        return super().render_change_form(request, context | {"show_history": False}, **kwargs)

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        text = search_term.strip()
        if not text:
            return queryset, False
        wanted = Q(reference__istartswith=text) | Q(product__in=products_called(text))
        return queryset.filter(wanted), False

    def is_called(self, row: Batch, text: str) -> bool:
        return row.reference == text

    # Its page and what can be done there

    def panel(self, request: HttpRequest, row: Batch) -> SafeString:
        holds = holds_on(Q(batch=row))
        context = head(row) | history(row, "batches")
        context |= {
            "links": links(request, row),
            "gone": product_is_gone(row) if row.outstanding else "",
            "holds": holds if request.user.has_perm("inventory.view_reservation") else [],
            "are_more": len(holds) == LATEST,
        }
        return render_to_string("inventory/batch_panel.html", context)

    def get_urls(self) -> list[Any]:
        """The actions' addresses come before those that take the rest for an id."""
        return [
            path(
                f"<path:object_id>/{action.name}/",
                self.admin_site.admin_view(partial(self.act, action)),
                name=f"inventory_batch_{action.name}",
            )
            for action in ACTIONS
        ] + super().get_urls()

    def act(self, action: BatchAction, request: HttpRequest, object_id: str) -> HttpResponse:
        """The form of an action on one batch, and the answer to it."""
        batch: Batch | None = self.get_object(request, object_id)
        if batch is None:
            raise Http404
        may_act = request.user.has_perm(action.permission)
        if not (may_act and self.has_view_permission(request, batch)):
            raise PermissionDenied
        back = reverse("admin:inventory_batch_change", args=[batch.pk])
        if batch.outstanding and action.is_refused(batch):
            self.message_user(request, product_is_gone(batch), messages.ERROR)
            return redirect(back)
        return action_page(
            self,
            request,
            action.form(request.POST or None, batch=batch),
            row=batch,
            back=back,
            template="inventory/promise_form.html",
            head=lambda: head(batch) | {"head_template": "inventory/batch_head.html"},
        )

    # Columns

    @admin.display(description=gettext_lazy("Reference"))
    def shown_reference(self, batch: Batch) -> str:
        return batch.reference

    @admin.display(description=gettext_lazy("Product"))
    def of_product(self, batch: Batch) -> SafeString:
        return product_name(batch.product)

    @admin.display(description=gettext_lazy("Location"))
    def place(self, batch: Batch) -> str:
        return batch.location.name

    @admin.display(description=gettext_lazy("Ordered"))
    def shown_quantity(self, batch: Batch) -> SafeString:
        return figure(batch.quantity)

    @admin.display(description=gettext_lazy("Received"))
    def shown_received(self, batch: Batch) -> SafeString:
        return figure(batch.received_quantity)

    @admin.display(description=gettext_lazy("Outstanding"))
    def shown_outstanding(self, batch: Batch) -> SafeString:
        return figure(batch.outstanding)

    @admin.display(description=gettext_lazy("Promised"))
    def shown_allocated(self, batch: Batch) -> SafeString:
        return figure(batch.allocated)

    @admin.display(description=gettext_lazy("ETA"), ordering="eta")
    def shown_eta(self, batch: Batch) -> SafeString | str:
        return eta(batch)

    @admin.display(description=gettext_lazy("Status"))
    def shown_state(self, batch: Batch) -> SafeString:
        return batch_state(batch)

    @admin.display(description=gettext_lazy("Added"))
    def created(self, batch: Batch) -> SafeString | None:
        return moment(batch.created_at)

    @admin.display(description=gettext_lazy("Last changed"))
    def changed(self, batch: Batch) -> SafeString | None:
        return moment(batch.updated_at)


def head(batch: Batch) -> dict[str, Any]:
    """What ``batch_head.html`` shows."""
    return {
        "batch": batch,
        "picture": thumbnail(batch.product),
        "state": batch_state(batch),
        "eta": eta(batch),
    }
