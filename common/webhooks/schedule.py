"""When to try again."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from random import SystemRandom
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

JITTER: Final = 0.1
"""So that what failed together does not come back together."""
LONGEST_ASKED: Final = 86_400.0
"""Seconds for which an endpoint may put us off."""
MOST_DIGITS: Final = 9

_chance: Final = SystemRandom()


def pause_before(attempt: int, pauses: Sequence[int], retry_after: float | None) -> float | None:
    """Seconds to wait before this attempt (0 is the first), or None when there is none any more.

    The endpoint's own wish counts where it is longer than the schedule.
    """
    if attempt >= len(pauses):
        return None
    planned = pauses[attempt] * _chance.uniform(1 - JITTER, 1 + JITTER)
    return max(planned, retry_after or 0.0)


def asked_pause(retry_after: str | None, now: datetime) -> float | None:
    """The seconds that a Retry-After header asks for, at most a day; None where it says nothing."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        seconds = float(text) if len(text) <= MOST_DIGITS else LONGEST_ASKED
    else:
        try:
            seconds = (parsedate_to_datetime(text) - now).total_seconds()
        except (ValueError, TypeError, OverflowError):  # TypeError: a date without a zone
            return None
    return min(max(seconds, 0.0), LONGEST_ASKED)
