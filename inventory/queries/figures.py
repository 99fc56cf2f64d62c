"""What Prometheus is told of stock: figures that cost little, however many rows there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common.database import database_now
from common.observability.gauges import about, counted, gauge, gauges
from inventory.models import LedgerCheck, Reservation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client import Metric


def open_reservations() -> Iterable[Metric]:
    """How many hold stock, by their status, and how many of them the sweeper has not come to."""
    by_expiry = Reservation.objects.order_by("expires_at", "pk")
    by_status = Reservation.objects.order_by("status", "pk")
    overdue = by_expiry.filter(status="active", expires_at__lte=database_now())  # asked once
    yield gauges(
        "reservations",
        "Open reservations by status; beyond 10 000 about how many.",
        "status",
        {
            "active": about(by_expiry.filter(status="active")),
            "confirmed": about(by_status.filter(status="confirmed")),
        },
    )
    yield gauge(
        "reservations_overdue",
        "Active reservations that are past their time, counted up to 10 000.",
        counted(overdue),
    )


def ledger_check() -> Iterable[Metric]:
    """What the last check of all stock found; nothing where there has been none."""
    for check in LedgerCheck.objects.all():
        yield gauge(
            "ledger_differences",
            "Figures of stock that differed from what explains them, at the last check.",
            check.differences,
        )
        yield gauge(
            "ledger_checked_timestamp_seconds",
            "When all stock was checked last; it is every night.",
            check.checked_at.timestamp(),
        )
