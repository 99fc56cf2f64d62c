"""Reservations in the back office: to be read, released and extended, never to be edited."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils.translation import gettext_lazy

from common.backoffice.admins import ReadOnlyAdmin
from common.backoffice.display import figure, moment
from common.backoffice.filters import DatesFilter
from common.backoffice.lists import QuickChangeList
from inventory import queries
from inventory.admin.bulk import BulkAction, BulkAdmin
from inventory.admin.bulk_promise_forms import ReservationsRelease
from inventory.admin.holds import with_overdue
from inventory.admin.promise_display import expiry, promise, reservation_state
from inventory.admin.promise_filters import (
    HoldingProductFilter,
    ReservationStateFilter,
    holding,
)
from inventory.admin.reservation_forms import ExtensionForm, ReleaseForm, ReservationActionForm
from inventory.admin.reservation_panel import head, reservation_panel
from inventory.admin.searching import products_called
from inventory.admin.stock_page import action_page
from inventory.models import Reservation

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.utils.functional import Promise
    from django.utils.safestring import SafeString


@dataclass(frozen=True, slots=True)
class ReservationAction:
    """A form for one reservation; ``name`` stands in its address."""

    name: str
    title: str | Promise
    icon: str
    statuses: frozenset[str]
    """Those in which it has an effect."""
    form: type[ReservationActionForm]

    @property
    def permission(self) -> str:
        return f"inventory.{self.name}_reservation"


ACTIONS: Final = (
    ReservationAction(
        "extend", gettext_lazy("Extend"), "more_time", frozenset({"active"}), ExtensionForm
    ),
    ReservationAction(
        "release",
        gettext_lazy("Release"),
        "lock_open",
        frozenset({"active", "confirmed"}),
        ReleaseForm,
    ),
)


class ReservationList(QuickChangeList):
    """A page of reservations, each with its lines: two more queries, however many they are."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        reservations: list[Any] = list(self.result_list)  # type: ignore[has-type]  # set by super()
        for held in queries.held_all(reservations):
            held.reservation.held = held  # type: ignore[attr-defined]  # for the columns
        self.result_list = reservations


@admin.register(Reservation)
class ReservationAdmin(BulkAdmin, ReadOnlyAdmin):
    bulk_actions = (
        BulkAction(
            "release",
            gettext_lazy("Release"),
            "inventory.release_reservation",
            ReservationsRelease,
        ),
    )
    list_display = [
        "shown_order",
        "shown_state",
        "shown_lines",
        "shown_units",
        "promised",
        "expires",
        "made",
    ]
    list_filter = [ReservationStateFilter, HoldingProductFilter, ("created_at", DatesFilter)]
    search_fields = ["order_reference"]  # asked in get_search_results
    search_help_text = gettext_lazy("Whole order reference, SKU or barcode")
    ordering = ["-id"]
    sortable_by = ["made"]
    fields = ["incoming_allowed", "actor", "request_id", "made", "changed"]
    readonly_fields = fields
    change_form_outer_before_template = "common/panel.html"
    empty_advice = gettext_lazy(
        "Orders that hold stock will be listed here. They are made through the API."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Reservation]:
        return with_overdue(super().get_queryset(request))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[QuickChangeList]:
        return ReservationList

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        """Those of just this order, and those that have a line of the products so called."""
        text = search_term.strip()
        if not text:
            return queryset, False
        wanted = Q(order_reference=text)
        if products := products_called(text):
            wanted |= Q(pk__in=holding(products))
        return queryset.filter(wanted), False

    def is_called(self, row: Reservation, text: str) -> bool:
        return row.order_reference == text

    # Its page and what can be done there

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], **kwargs: Any
    ) -> HttpResponse:
        row = context["original"]
        panel = reservation_panel(row, self._links(request, row))
        return super().render_change_form(request, context | {"panel": panel}, **kwargs)

    def _links(self, request: HttpRequest, row: Any) -> list[dict[str, Any]]:
        return [
            {
                "title": action.title,
                "icon": action.icon,
                "href": reverse(f"admin:inventory_reservation_{action.name}", args=[row.pk]),
            }
            for action in ACTIONS
            if row.status in action.statuses and request.user.has_perm(action.permission)
        ]

    def get_urls(self) -> list[Any]:
        """The actions' addresses come before those that take the rest for an id."""
        return [
            path(
                f"<path:object_id>/{action.name}/",
                self.admin_site.admin_view(partial(self.act, action)),
                name=f"inventory_reservation_{action.name}",
            )
            for action in ACTIONS
        ] + super().get_urls()

    def act(self, action: ReservationAction, request: HttpRequest, object_id: str) -> HttpResponse:
        """The form of an action on one reservation, and the answer to it."""
        row: Any = self.get_object(request, object_id)
        if row is None:
            raise Http404
        may_act = request.user.has_perm(action.permission)
        if not (may_act and self.has_view_permission(request, row)):
            raise PermissionDenied
        return action_page(
            self,
            request,
            action.form(request.POST or None, reservation=row),
            row=row,
            back=reverse("admin:inventory_reservation_change", args=[row.pk]),
            template="inventory/promise_form.html",
            head=lambda: head(row) | {"head_template": "inventory/reservation_head.html"},
        )

    # Columns

    @admin.display(description=gettext_lazy("Order"))
    def shown_order(self, reservation: Reservation) -> str:
        return reservation.order_reference

    @admin.display(description=gettext_lazy("Status"))
    def shown_state(self, reservation: Reservation) -> SafeString:
        return reservation_state(reservation)

    @admin.display(description=gettext_lazy("Lines"))
    def shown_lines(self, reservation: Any) -> SafeString:
        return figure(len(reservation.held.lines))

    @admin.display(description=gettext_lazy("Units"))
    def shown_units(self, reservation: Any) -> SafeString:
        return figure(sum(line.quantity for line in reservation.held.lines))

    @admin.display(description=gettext_lazy("Promised for"))
    def promised(self, reservation: Any) -> SafeString | str:
        return promise(reservation, reservation.held.promise_date)

    @admin.display(description=gettext_lazy("Expires"))
    def expires(self, reservation: Reservation) -> SafeString | str:
        return expiry(reservation)

    @admin.display(description=gettext_lazy("Created"), ordering="id")
    def made(self, reservation: Reservation) -> SafeString | None:
        return moment(reservation.created_at)

    @admin.display(description=gettext_lazy("Last changed"))
    def changed(self, reservation: Reservation) -> SafeString | None:
        return moment(reservation.updated_at)

    @admin.display(description=gettext_lazy("Batches may supply it"), boolean=True)
    def incoming_allowed(self, reservation: Reservation) -> bool:
        return reservation.allow_incoming
