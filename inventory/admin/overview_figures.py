"""The figures of the overview: how much of what needs somebody, and the list behind each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from common.database import database_now
from common.webhooks.models import WebhookDelivery, WebhookEndpoint
from inventory.admin.promise_display import today
from inventory.models import (
    Batch,
    LedgerCheck,
    Reservation,
    ReservationLine,
    StockLevel,
    StockMovement,
)
from inventory.models.days import day_of, start_of
from inventory.queries.ordering import snoozed, to_order_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.db.models import QuerySet
    from django.utils.functional import Promise

MOST_COUNTED: Final = 99
SOON: Final = timedelta(hours=1)
DIFFERED: Final = "ledger.differed"

Found = tuple[int, "Mapping[str, str]"]
"""How many there are, no more than can be told, and what leads the list to them."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure by its name. ``model`` says which list shows the rows, and whose permission it
    takes, unless ``permission`` names another model. ``tone`` colours what there should be none of.
    """

    title: Promise
    icon: str
    model: str
    find: Callable[[], Found]
    tone: str = "out"
    permission: str = ""

    def is_seen_by(self, user: Any) -> bool:
        app, name = (self.permission or self.model).split(".")
        return any(user.has_perm(f"{app}.{verb}_{name}") for verb in ("view", "change"))

    def shown(self) -> dict[str, Any]:
        count, query = self.find()
        address = reverse(f"admin:{self.model.replace('.', '_')}_changelist")
        return {
            "title": self.title,
            "icon": self.icon,
            "tone": self.tone if count else "none",
            "count": f"{MOST_COUNTED}+" if count > MOST_COUNTED else str(count),
            "href": f"{address}?{urlencode(query)}" if query else address,
        }


def figures(user: Any) -> list[dict[str, Any]]:
    """What this person may see of them; one short query for each."""
    return [figure.shown() for figure in FIGURES if figure.is_seen_by(user)]


def _counted(rows: QuerySet[Any, Any]) -> int:
    """Counts no further than can be told."""
    return rows.order_by()[: MOST_COUNTED + 1].count()


def _out() -> Found:
    return _counted(StockLevel.objects.listed().filter(available=0)), {"stock": "out"}


def _low() -> Found:
    return _counted(StockLevel.objects.listed().low()), {"stock": "low"}


def _to_order() -> Found:
    return _counted(to_order_for().exclude(snoozed())), {}


def _late() -> Found:
    return _counted(Batch.objects.incoming().filter(eta__lt=today())), {"eta": "overdue"}


def _waiting() -> Found:
    lines = ReservationLine.objects.filter(unallocated__gt=0).values("reservation_id")
    return _counted(lines.distinct()), {"state": "waiting"}


def _expiring() -> Found:
    now = database_now()
    soon = now + SOON
    active = Reservation.objects.filter(status="active", expires_at__gt=now)
    query = {"state": "active", "expires_at__lte": f"{soon.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"}
    return _counted(active.filter(expires_at__lte=soon)), query


def _given_up() -> Found:
    failed = WebhookDelivery.objects.filter(
        status=WebhookDelivery.Status.FAILED, endpoint__deleted_at=None
    )
    return _counted(failed), {"status__exact": "failed"}


def _switched_off() -> Found:
    disabled = WebhookEndpoint.objects.filter(is_active=False, deleted_at=None)
    return _counted(disabled), {"is_active__exact": "0"}


def _differences() -> Found:
    """How many figures the last check found wrong, if it did."""
    found = LedgerCheck.objects.values_list("differences", flat=True).first()
    return found or 0, {"type__exact": DIFFERED}


def _today() -> Found:
    day = day_of(database_now())
    rows = StockMovement.objects.filter(created_at__gte=start_of(day))
    return _counted(rows), {"created_at_from": str(day), "created_at_to": str(day)}


FIGURES: Final = (
    Figure(_("Out of stock"), "remove_shopping_cart", "inventory.stocklevel", _out),
    Figure(_("Low stock"), "trending_down", "inventory.stocklevel", _low, tone="low"),
    Figure(
        _("To order"),
        "add_shopping_cart",
        "inventory.replenishment",
        _to_order,
        tone="low",
        permission="inventory.stocklevel",
    ),
    Figure(_("Late batches"), "running_with_errors", "inventory.batch", _late),
    Figure(_("Orders that wait for supply"), "hourglass", "inventory.reservation", _waiting),
    Figure(
        _("Holds that expire within the hour"),
        "timer",
        "inventory.reservation",
        _expiring,
        tone="low",
    ),
    Figure(_("Deliveries given up"), "outbox", "webhooks.webhookdelivery", _given_up),
    Figure(_("Webhooks switched off"), "webhook", "webhooks.webhookendpoint", _switched_off),
    Figure(_("Ledger differences"), "balance", "events.event", _differences),
    Figure(_("Movements today"), "swap_vert", "inventory.stockmovement", _today, tone="plain"),
)
