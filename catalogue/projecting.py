"""Following the feed of events: what has happened to a product, its document shows soon after."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from catalogue.engines import engine
from catalogue.naming import take_over_unknown
from catalogue.state import documents_of
from catalogue.writing import keep
from common.database import after_commit, database_now, in_transaction
from common.events.reading import has_unread, locked_reader, move_on, unread
from common.events.sequencing import number_events
from common.observability.metrics import catalogue_delay
from inventory.models import Batch, ReservationLine

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from common.events.models import Event

Subject = tuple[str, str]
"""What an event is about: the type, and the id."""

CATALOGUE: Final = engine.READER
"""The name of our reader of the feed."""
NAMED_BY: Final[Mapping[str, tuple[Any, str]]] = {
    "reservations": (ReservationLine, "reservation_id"),
    "batches": (Batch, "id"),
}
"""Subjects that are no product: where their products are found, and by which column."""
ABOUT_PRODUCTS: Final = frozenset({"products", "inventory", *NAMED_BY})
MOST: Final = 500
"""Events at a time: if each is about one product, they take a twentieth of a second."""
MOST_PRODUCTS: Final = 1_000
"""No further event is taken along with so many products: one may be about hundreds of them."""


def project() -> int:
    """Bring the documents up to the next events of the feed; returns how many events those were.

    Events get their place in the feed here too, so that nobody waits for the relay.
    """
    number_events()
    return project_next() if has_unread(CATALOGUE) else 0


@in_transaction
def project_next(*, most: int = MOST) -> int:
    """Write the documents of what the next events are about, and move on; nothing while another
    projector is at it.

    It is the state of now that is written, not what an event says: to hear of the same change
    twice, late or in another order does no harm. Names that these documents refer to come along.

    Locks: the catalogue's reader, the names if one is new, then the documents (docs/locking.md).
    """
    reader = locked_reader(CATALOGUE)
    if reader is None:
        return 0
    events, product_ids = as_many_as_fit(list(unread(reader, most=most)))
    if not events:
        return 0
    documents = documents_of(product_ids)
    take_over_unknown(documents)
    keep(documents)
    move_on(reader, events[-1].sequence or reader.sequence)
    after_commit(_note_delays, [event.occurred_at for event in events])
    return len(events)


def as_many_as_fit(events: Sequence[Event]) -> tuple[Sequence[Event], set[UUID]]:
    """The first of these events, until they are about a thousand products; and those products."""
    products = products_in(events)
    found: set[UUID] = set()
    for count, event in enumerate(events, start=1):
        found |= products[event.subject_type, event.subject_id]
        if len(found) >= MOST_PRODUCTS:
            return events[:count], found
    return events, found


def products_in(events: Iterable[Event]) -> Mapping[Subject, set[UUID]]:
    """By subject, the products that events are about: itself, or those of its lines."""
    found: defaultdict[Subject, set[UUID]] = defaultdict(set)
    subjects: defaultdict[str, set[UUID]] = defaultdict(set)
    for event in events:
        if event.subject_type in ABOUT_PRODUCTS:
            subjects[event.subject_type].add(UUID(event.subject_id))
    for kind in ("products", "inventory"):
        for pk in subjects[kind]:
            found[kind, str(pk)].add(pk)
    for kind, (model, named_by) in NAMED_BY.items():
        if named := subjects[kind]:
            rows = model.objects.filter(**{f"{named_by}__in": named})
            for pk, product_id in rows.values_list(named_by, "product_id"):
                found[kind, str(pk)].add(product_id)
    return found


def _note_delays(moments: Sequence[datetime]) -> None:
    now = database_now()
    for moment in moments:
        catalogue_delay.observe(max(0.0, (now - moment).total_seconds()))
