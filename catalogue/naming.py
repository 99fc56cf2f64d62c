"""The names of categories and locations, kept beside the documents that refer to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db import connection

from catalogue.models import Place, Shelf
from common.database import in_transaction
from inventory.models import Location
from products.models import Category

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from uuid import UUID

    from django.db.models import Model

    from catalogue.models import Document

NAMING: Final = 0x6E616D65  # names the advisory lock: one at a time reads and writes the names
Seen = tuple[tuple["UUID", int], ...]


class Names:
    """Takes over what has changed of categories and locations since it looked last.

    To rename them is no event, so it looks again and again: at the versions alone while nothing
    has changed.
    """

    def __init__(self) -> None:
        self._seen: list[Seen] = []

    def take_over(self) -> int:
        """Returns how many names were written or removed."""
        seen = [_versions(Category), _versions(Location)]
        if seen == self._seen:
            return 0
        count = take_over_names()  # read after the versions: of these, or of newer ones
        self._seen = seen
        return count


@in_transaction
def take_over_names() -> int:
    """Let the names be those of now; returns how many were written or removed.

    Read under the lock under which they are written: nobody writes what was true before another
    one wrote. Locks: the names (docs/locking.md).
    """
    wait_for_turn()
    return mirror(Shelf, shelves()) + mirror(Place, places())


def wait_for_turn() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [NAMING])


def take_over_unknown(documents: Sequence[Document]) -> int:
    """Take over all names where these documents refer to one that is not among them yet.

    Returns how many were written or removed. To rename is no event: such names may be late.
    """
    shelved = {str(one.category_id) for one in documents if one.category_id}
    placed = {line["location"] for one in documents for line in one.locations}
    return 0 if _are_known(Shelf, shelved) and _are_known(Place, placed) else take_over_names()


def _are_known(model: Any, ids: set[str]) -> bool:
    count: int = model.objects.filter(pk__in=ids).count()
    return count == len(ids)


def _versions(model: Any) -> Seen:
    return tuple(model.objects.order_by("pk").values_list("pk", "version"))


def shelves() -> list[Shelf]:
    """The tree of categories as it is now."""
    rows = Category.objects.values_list("pk", "parent_id", "name", "slug")
    tree = {pk: (parent_id, name, slug) for pk, parent_id, name, slug in rows}
    return [
        Shelf(id=pk, parent_id=parent_id, name=name, path=_path(pk, tree))
        for pk, (parent_id, name, _) in tree.items()
    ]


def _path(pk: UUID, tree: Mapping[UUID, tuple[UUID | None, str, str]]) -> list[dict[str, str]]:
    """From the top down. What is being moved in this moment may miss its parent."""
    path: list[dict[str, str]] = []
    at: UUID | None = pk
    while at is not None and at in tree and len(path) <= len(tree):
        parent_id, name, slug = tree[at]
        path.insert(0, {"id": str(at), "name": name, "slug": slug})
        at = parent_id
    return path


def places() -> list[Place]:
    return [Place(id=pk, code=code) for pk, code in Location.objects.values_list("pk", "code")]


def mirror(model: Any, wanted: Iterable[Model]) -> int:
    """Let the table hold these rows and no others; writes what differs, and returns how many."""
    columns = [field.attname for field in model._meta.concrete_fields]  # noqa: SLF001  Django's API
    known = model.objects.in_bulk()
    new, changed, kept = [], [], set()
    for row in wanted:
        kept.add(row.pk)
        if row.pk not in known:
            new.append(row)
        elif any(getattr(row, name) != getattr(known[row.pk], name) for name in columns):
            changed.append(row)
    gone = known.keys() - kept
    model.objects.bulk_create(new)
    model.objects.bulk_update(changed, [name for name in columns if name != "id"], batch_size=500)
    model.objects.filter(pk__in=gone).delete()
    return len(new) + len(changed) + len(gone)
