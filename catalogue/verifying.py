"""Comparing documents with what they are made of."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Final

from catalogue.engines import engine
from catalogue.models import NO_STATE, Document, Place, Shelf
from catalogue.naming import places, shelves
from catalogue.rebuilding import AT_ONCE, pieces
from catalogue.standing import LOOK_EVERY, last_given, wait_for
from catalogue.state import documents_of
from common.events.sequencing import number_events
from products.models import Product

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from uuid import UUID

    from django.db.models import Model

COMPARED: Final = [
    field.attname
    for field in Document._meta.concrete_fields  # noqa: SLF001  Django's API
    if field.attname not in NO_STATE
]
NAMES_LATE: Final = 3.0
"""Seconds. The projector looks for new names again and again within one."""


class Late(Exception):
    """The projector does not come on, so that nobody can tell what is wrong and what is late."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A column of a document or name that is not as it should be; ``document`` (``shelf``,
    ``place``) where there is none, or one of a product (category, location) that there is not;
    ``inventory`` where the former inventories in MongoDB differ from the documents.

    ``id`` is that of the product, category or location.
    """

    id: UUID
    column: str
    found: Any
    expected: Any


def differing(watch: Callable[[int], object]) -> list[UUID]:
    """The products whose documents differ, be it that they are only late.

    ``watch`` is told how many were compared, again and again.
    """
    suspects: set[UUID] = set()
    for ids in pieces(Product.objects.living()):
        suspects.update(one.id for one in _compared(documents_of(ids), ids))
        suspects.update(pk for pk, *_ in engine.misplaced(ids))
        watch(len(ids))
    for ids in pieces(Document.objects.shown()):
        living = Product.objects.living().filter(pk__in=ids).values_list("pk", flat=True)
        suspects.update(set(ids) - set(living))
    return sorted(suspects)


def wrong_documents(suspects: Sequence[UUID], *, patience: float) -> Iterator[Difference]:
    """What is wrong in these documents, told piece by piece.

    Each piece is looked at again when the projector has come past it, for which it has
    ``patience`` seconds: then what was only late agrees. Raises Late if it does not come.
    """
    for start in range(0, len(suspects), AT_ONCE):
        yield from _looked_at_again(suspects[start : start + AT_ONCE], patience)


def _looked_at_again(suspects: Sequence[UUID], patience: float) -> Iterator[Difference]:
    expected = documents_of(suspects)
    misplaced = set(engine.misplaced(suspects))
    while number_events():
        pass
    if not wait_for(last_given(), patience=patience):
        raise Late
    yield from _compared(expected, suspects)
    for pk, found, wanted in misplaced.intersection(engine.misplaced(suspects)):
        yield Difference(pk, "inventory", found, wanted)


def wrong_names(*, patience: float) -> list[Difference]:
    """What is wrong in the names of categories and the codes of locations.

    To rename is no event, so what differs has ``patience`` seconds, and three at most, to agree.
    """
    give_up_at = monotonic() + min(patience, NAMES_LATE)
    while (wrong := _misnamed()) and monotonic() < give_up_at:
        sleep(LOOK_EVERY)
    return wrong


def _misnamed() -> list[Difference]:
    return [*_rows_compared(Shelf, shelves()), *_rows_compared(Place, places())]


def _rows_compared(model: Any, wanted: Iterable[Any]) -> Iterator[Difference]:
    right = {row.pk: row for row in wanted}
    found = model.objects.in_bulk()
    names = [field.attname for field in model._meta.concrete_fields]  # noqa: SLF001  Django's API
    for pk in right.keys() & found.keys():
        yield from _columns(found[pk], right[pk], names)
    for pk in right.keys() ^ found.keys():
        yield Difference(pk, model._meta.model_name, found.get(pk), right.get(pk))  # noqa: SLF001


def _compared(expected: Iterable[Document], ids: Collection[UUID]) -> Iterator[Difference]:
    """A document that was made of a newer state than was read is right."""
    right = {document.pk: document for document in expected}
    found = Document.objects.in_bulk(list(ids))
    for pk in ids:
        document, wanted = found.get(pk), right.get(pk)
        if document and wanted:
            if not _is_newer(document, wanted):
                yield from _columns(document, wanted, COMPARED)
        elif (document and not document.is_gone) or (wanted and not wanted.is_gone):
            yield Difference(pk, "document", document, wanted)


def _is_newer(document: Document, than: Document) -> bool:
    return document.version > than.version and (
        document.product_version >= than.product_version
        and document.inventory_version >= than.inventory_version
    )


def _columns(row: Model, wanted: Model, names: Iterable[str]) -> Iterator[Difference]:
    for name in names:
        found, expected = getattr(row, name), getattr(wanted, name)
        if found != expected:
            yield Difference(row.pk, name, found, expected)
