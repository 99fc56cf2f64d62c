"""Decisions about stock. Pure: no database, no Django. Quantities are whole units."""

from inventory.rules.alerts import alert
from inventory.rules.changes import (
    MAX_ON_HAND,
    NEGATIVE_REASONS,
    POSITIVE_REASONS,
    Change,
    Level,
    Posting,
    applied,
    check_limit,
    decide,
    reason_for,
)
from inventory.rules.promises import (
    Promised,
    Share,
    Supply,
    allocate,
    is_wanting,
    latest_first,
    oldest_first,
    promise_date,
)

__all__ = [
    "MAX_ON_HAND",
    "NEGATIVE_REASONS",
    "POSITIVE_REASONS",
    "Change",
    "Level",
    "Posting",
    "Promised",
    "Share",
    "Supply",
    "alert",
    "allocate",
    "applied",
    "check_limit",
    "decide",
    "is_wanting",
    "latest_first",
    "oldest_first",
    "promise_date",
    "reason_for",
]
