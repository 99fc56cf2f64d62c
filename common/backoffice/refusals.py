"""Refusals in the words of somebody who sits before a form."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from django.db import OperationalError
from django.utils.translation import gettext_lazy as _

from common.backoffice.sentences import translated
from common.bulkhead import TooManyWait
from common.database import LOCK_NOT_AVAILABLE, QUERY_CANCELED, is_conflict, sqlstate
from common.errors import DomainError

if TYPE_CHECKING:
    from collections.abc import Iterator

SENTENCES: Final = {
    "precondition_failed": _(
        "Somebody has changed it since you opened this page. Load the page again and repeat what"
        " you want to change."
    ),
    "stale_quantity": _(
        "It was {expected} when you opened this page and is {current} now. Count again if you can;"
        " send the form once more to set it all the same."
    ),
    "idempotency_key_reused": _(
        "This form has been applied already. Open it anew for another one."
    ),
    "idempotency_in_progress": _(
        "This form is being applied already. Look at the figures before you send it again."
    ),
}
"""What to say instead of a refusal's own detail, which speaks to programs; with its figures."""


class Busy(DomainError):
    """Another transaction held the row for too long; nothing was changed."""

    code = "service_unavailable"
    status = 503


def sentences(refusal: DomainError) -> Iterator[tuple[str | None, str]]:
    """Each problem of a refusal: the input that it is about, if any, and what to tell staff."""
    for problem in refusal.problems:
        words = SENTENCES.get(problem.code)
        yield (
            problem.attribute,
            words.format(**problem.meta) if words else translated(problem.detail),
        )


@contextmanager
def busy_refused() -> Iterator[None]:
    """Turn a lock that was not to be had in time into a refusal, which forms can show."""
    try:
        yield
    except OperationalError as error:
        waited = sqlstate(error) in {LOCK_NOT_AVAILABLE, QUERY_CANCELED}
        if waited or is_conflict(error) or isinstance(error, TooManyWait):
            raise Busy(
                str(_("Somebody else is changing this right now. Nothing was changed; try again."))
            ) from error
        raise
