"""Reading what one has just written: ``min_sequence``, with as much patience as a client has.

A reader that waits keeps a thread. So few may wait at once, and none for long.
"""

from __future__ import annotations

import re
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Final

from django.conf import settings

from catalogue.api.described import MIN_SEQUENCE
from catalogue.errors import NotYetProjected
from catalogue.standing import has_come, last_given, wait_for
from common.api.errors import InvalidParameter

if TYPE_CHECKING:
    from rest_framework.request import Request

DIGITS: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
WAIT: Final = re.compile(r"\s*wait\s*=\s*\"?([0-9]{1,9})\"?\s*", re.ASCII | re.IGNORECASE)
LONGEST: Final = 5
"""Seconds that anybody may wait."""

_places: Final = BoundedSemaphore(settings.CATALOGUE_WAITERS)


def read_sequence(text: str) -> int:
    if not DIGITS.fullmatch(text):
        raise InvalidParameter("Send the sequence of an event.", parameter=MIN_SEQUENCE)
    return int(text)


def preferred_wait(request: Request) -> int:
    """Seconds, as ``Prefer: wait=2`` says (RFC 7240); 0 where nothing, or no sense, is said."""
    for preference in request.headers.get("Prefer", "").split(","):
        if found := WAIT.fullmatch(preference.partition(";")[0]):
            return min(int(found[1]), LONGEST)
    return 0


def wait_until(sequence: int, seconds: int) -> None:
    """Return when the documents show this event; refuse with NotYetProjected when time is up.

    Nobody waits for an event that there is not: where else than from the feed, or a message that
    came of it, could one know its sequence?
    """
    if has_come(sequence):
        return
    if sequence > last_given():
        advice = "There is no such event yet: take its sequence from the feed."
        raise InvalidParameter(advice, parameter=MIN_SEQUENCE)
    if seconds and _waited(sequence, seconds):
        return
    raise NotYetProjected(f"The catalogue does not show event {sequence} yet; try again.")


def _waited(sequence: int, seconds: int) -> bool:
    if not _places.acquire(blocking=False):
        return False
    try:
        return wait_for(sequence, patience=seconds)
    finally:
        _places.release()
