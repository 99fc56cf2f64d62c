"""Making all documents anew, beside the projector and whoever reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from catalogue.engines import EngineAway, engine
from catalogue.models import Document
from catalogue.naming import take_over_names
from catalogue.popularity import refresh_popularity
from catalogue.projecting import CATALOGUE
from catalogue.standing import last_given
from catalogue.state import documents_of
from catalogue.writing import forget, forget_gone, keep, refresh_statistics
from common.database import in_transaction
from common.events.models import Reader
from common.observability.logs import get_logger
from products.models import Product

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from django.db.models import QuerySet

    from inventory.management.demo.watching import Watch

logger: Final = get_logger(__name__)

AT_ONCE: Final = 500
ANY_CATALOGUE: Final = "catalogue"
"""How the name of our reader begins, whatever database the documents are in."""
MANY: Final = 1_000
"""Documents written, after which the database should look at them anew."""


def rebuild(watch: Callable[[int], object]) -> int:
    """Write the document of every product, and remove those of products that are gone.

    ``watch`` is told how many products are done, again and again. Piece by piece, each of which
    commits by itself: to be killed and to run again does no harm. A document that the projector
    has made of a newer state meanwhile stays. Afterwards the projector begins with what has
    happened since. Returns how many documents were written or removed.
    """
    reached = last_given()
    engine.prepare()
    take_over_names()
    count = 0
    for ids in pieces(Product.objects.living()):
        count += keep(documents_of(ids)) + refresh_popularity(ids)
        watch(len(ids))
    for ids in pieces(Document.objects.shown()):
        count += remove_gone(ids)
    forget_gone()
    begin_at(reached)
    engine.note_built()
    if count > MANY:
        refresh_statistics()
    return count


def rebuild_watched(watched: Watch) -> None:
    """The same, as a phase of a command that draws its progress.

    Where the database of the documents is away, that is left to the projector.
    """
    try:
        with watched("documents", Product.objects.living().count()) as bar, engine.reached():
            rebuild(bar.update)
    except EngineAway as error:
        logger.warning("catalogue_is_late", reason=str(error))


def forget_all() -> None:
    """Let the projector make all documents anew: they are of states that there are no more.

    For documents in a database of their own, when that of the products has gone back in time.
    """
    with engine.reached():
        engine.note_lost()
        for ids in pieces(Document.objects.all()):
            forget(ids)


def pieces(rows: QuerySet[Any], *, size: int = AT_ONCE) -> Iterator[list[UUID]]:
    """The ids of all rows, in pieces that are each looked up behind the last id."""
    ids: list[UUID] = list(rows.order_by("pk").values_list("pk", flat=True)[:size])
    while ids:
        yield ids
        later = rows.filter(pk__gt=ids[-1]).order_by("pk")
        ids = list(later.values_list("pk", flat=True)[:size])


def remove_gone(ids: list[UUID]) -> int:
    """Of these documents, remove those whose product has been deleted; returns how many."""
    living = set(Product.objects.living().filter(pk__in=ids).values_list("pk", flat=True))
    gone = [pk for pk in ids if pk not in living]
    if not gone:
        return 0
    deleted = documents_of(gone)
    keep(deleted)
    nowhere = set(gone) - {document.pk for document in deleted}
    forget(nowhere)
    return len(gone)


@in_transaction
def begin_at(sequence: int) -> None:
    """Let the projector begin behind this event, unless it is further already.

    Locks: the catalogue's reader (docs/locking.md).
    """
    others = Reader.objects.filter(name__startswith=ANY_CATALOGUE).exclude(pk=CATALOGUE)
    others.delete()  # of a database in which the documents are no more
    Reader.objects.bulk_create([Reader(name=CATALOGUE)], ignore_conflicts=True)
    Reader.objects.filter(pk=CATALOGUE, sequence__lt=sequence).update(sequence=sequence)
