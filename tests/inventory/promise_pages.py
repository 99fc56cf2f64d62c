"""What tests of the back office's pages of batches and reservations share."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from common.database import database_now
from common.observability.context import acting_as
from inventory import operations
from inventory.admin.promise_display import today
from inventory.models import Reservation
from inventory.operations import Wanted
from tests.back_office import text_of

if TYPE_CHECKING:
    from datetime import date

    from inventory.models import Batch

BATCHES = "/admin/inventory/batch/"
RESERVATIONS = "/admin/inventory/reservation/"
PROMISE_FORM = "stock-form"


def in_days(count: int) -> date:
    return today() + timedelta(days=count)


def ordered(reference: str, quantity: int, *, sku: str = "MUG", days: int | None = 5) -> Batch:
    """A batch that is expected in so many days."""
    eta = None if days is None else in_days(days)
    with acting_as("purchasing"):
        return operations.create_batch(reference=reference, sku=sku, quantity=quantity, eta=eta)


def held(
    order_reference: str, quantity: int, *, sku: str = "MUG", allow_incoming: bool = True
) -> Reservation:
    """An hour's hold of so many units."""
    with acting_as("shop"):
        hold, _ = operations.reserve(
            order_reference=order_reference,
            lines=[Wanted(quantity, sku=sku)],
            expires_in=timedelta(hours=1),
            allow_incoming=allow_incoming,
        )
    return hold.reservation


def past_its_time(reservation: Reservation) -> None:
    """Let a hold be overdue, before the sweeper has been there."""
    rows = Reservation.objects.filter(pk=reservation.pk)
    rows.update(expires_at=database_now() - timedelta(minutes=1))


def named(page: Any) -> list[str]:
    """The rows on a list."""
    text_of(page)
    return [str(row) for row in page.context["cl"].result_list]


def figures(page: Any) -> dict[str, Any]:
    """What the preview of a form reckons with."""
    (found,) = re.findall(r'<script id="figures"[^>]*>(.*?)</script>', text_of(page))
    decoded: dict[str, Any] = json.loads(found)
    return decoded


def words_of(page: Any) -> str:
    """The page's text, without its tags."""
    return " ".join(re.sub(r"<[^>]*>", " ", text_of(page)).split())
