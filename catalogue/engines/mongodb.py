"""Documents in MongoDB, which has neither transactions here nor row locks (STACK: both are no-ops).

So nothing is decided by reading first: every write names the versions over which it may go.
"""

from __future__ import annotations

import re
from collections import defaultdict
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.db import DatabaseError, NotSupportedError, connection, connections
from django.db.models import Case, F, IntegerField, Value, When
from django.db.models.lookups import Lookup
from pymongo import IndexModel, UpdateOne, timeout
from pymongo.errors import BulkWriteError, PyMongoError

from catalogue.engines import EngineAway, mongodb_inventory
from catalogue.models import DICE, GIVEN_ONCE, ID, NO_STATE, Document, Place, Shelf
from catalogue.routing import CATALOGUE
from common.database import estimators

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from uuid import UUID

    from catalogue.models import DocumentQuerySet

READER: Final = "catalogue in MongoDB"
BUILT: Final = "built"
"""A mark in the database itself: one that is new, or was emptied, has none."""
HAS_LOCKS: Final = False
HAS_WORDS: Final = True

MORE_INDEXES: Final[dict[Any, list[IndexModel]]] = {
    Document: [
        IndexModel([("words", 1)], name="document_words"),
        IndexModel([("in_stock_at", 1)], name="document_in_stock_at"),
    ]
}
"""Of lists in documents; PostgreSQL's are of another kind, and in its migration."""
LONG: Final = 900.0
"""Seconds in which indexes can be made of what is there."""
DUPLICATE: Final = 11000
COUNTED: Final = 20_000
SAMPLE: Final = 2_000
IN_NAME: Final = 1_000_000
ELSEWHERE: Final = 400_000
"""What a word counts for: PostgreSQL's weights A and B, with which products are ranked."""
WORD: Final = re.compile(r"'((?:[^']|'')+)'(:\*)?")
"""As PostgreSQL writes the words of a query down."""

_seats: Final = BoundedSemaphore(settings.CATALOGUE_READERS)

Row = dict[str, Any]


def prepare() -> None:
    """Make the indexes that are missing; the collections come with what is written into them."""
    with reached(), timeout(LONG):
        mongodb_inventory.prepare()
        with _connection().schema_editor() as editor:
            for model in (Document, Shelf, Place):
                meta: Any = model._meta  # noqa: SLF001  Django's API
                made = [
                    index.get_pymongo_index_model(model, editor)
                    for index in meta.indexes
                    if index.fields != ["id"]  # every collection has one, and may have no other
                ]
                collection = _connection().get_collection(meta.db_table)
                collection.create_indexes(made + MORE_INDEXES.get(model, []))


@contextmanager
def reached() -> Iterator[None]:
    """The backend tells of an error as Django's, but of any kind, or as MongoDB's own."""
    try:
        yield
    except (PyMongoError, NotSupportedError) as error:  # the latter of a MongoDB before 6.0
        raise EngineAway(f"MongoDB: {error}") from error
    except DatabaseError as error:
        if isinstance(error.__cause__, PyMongoError):
            raise EngineAway(f"MongoDB: {error.__cause__}") from error
        raise


def is_built() -> bool:
    with reached():
        return _marks().find_one({ID: BUILT}) is not None


def note_built() -> None:
    with reached():
        _marks().update_one({ID: BUILT}, {"$set": {"reader": READER}}, upsert=True)


def note_lost() -> None:
    with reached():
        _marks().delete_many({})


def keep(documents: Sequence[Document]) -> int:
    """Locks: the inventories kept beside the documents, until this transaction ends."""
    rows = {row[ID]: row for row in map(_row, documents)}
    with reached():
        known = {row[ID]: row for row in _collection().find({ID: {"$in": list(rows)}})}
        count = _write([row for pk, row in rows.items() if _brings_news(row, known.get(pk))])
        mongodb_inventory.follow([document.pk for document in documents])
    return count


def forget(product_ids: Collection[UUID]) -> int:
    with reached():
        mongodb_inventory.forget(product_ids)
        found = _collection().delete_many({ID: {"$in": [pk.hex for pk in product_ids]}})
    return int(found.deleted_count)


def misplaced(product_ids: Collection[UUID]) -> Iterator[tuple[UUID, object, object]]:
    with reached():
        yield from mongodb_inventory.differing(product_ids)


def refresh_statistics() -> None:
    """MongoDB's planner tries plans out, and keeps no statistics."""


def matching(documents: DocumentQuerySet, text: str) -> DocumentQuerySet:
    whole, beginnings = _words(text)
    conditions: list[Row] = [{"words": word} for word in whole]
    conditions += [{"words": {"$regex": f"^{re.escape(word)}"}} for word in beginnings]
    return documents.filter(Holds({"$and": conditions})) if conditions else documents.none()


def ranked(documents: DocumentQuerySet, text: str) -> DocumentQuerySet:
    """By how many words of the text are in SKU, barcode or name instead of the description."""
    whole, beginnings = _words(text)
    ids = [pk.hex for pk in documents.values_list("pk", flat=True)]
    by_rank: defaultdict[int, list[str]] = defaultdict(list)
    with reached():
        for row in _collection().find({ID: {"$in": ids}}, {"name_words": 1}):
            by_rank[_rank(row["name_words"], whole, beginnings)].append(row[ID])
    cases = [When(pk__in=found, then=Value(rank)) for rank, found in by_rank.items()]
    return documents.annotate(rank=Case(*cases, default=0, output_field=IntegerField()))


def in_stock_at(documents: DocumentQuerySet, location_id: UUID) -> DocumentQuerySet:
    return documents.filter(Holds({"in_stock_at": str(location_id)}))


@contextmanager
def seat() -> Iterator[None]:
    """So that readers who wait for a MongoDB that hangs leave threads to those who want stock."""
    if not _seats.acquire(blocking=False):
        raise EngineAway("MongoDB: too many are reading")
    try:
        yield
    finally:
        _seats.release()


def ask() -> None:
    with reached():
        _connection().get_database().command("ping")


def expected(documents: DocumentQuerySet) -> int:
    """How many there are: counted up to 20 000, else told from a sample of all documents.

    The sample are those of the lowest dice, which is as good as at random.
    """
    count = documents.order_by()[: COUNTED + 1].count()
    if count <= COUNTED:
        return count
    with reached():
        total = int(_collection().estimated_document_count())
    below = int(DICE * min(1.0, SAMPLE / total))
    sample = Document.objects.filter(dice__lte=below).count()
    share = documents.filter(dice__lte=below).count() / max(1, sample)
    return max(COUNTED, round(total * share))


estimators["mongodb"] = expected


class Holds(Lookup):
    """A condition in MongoDB's own words, on the documents of a query."""

    lookup_name = "holds"
    prepare_rhs = False

    def __init__(self, condition: Any, rhs: Row | None = None) -> None:
        super().__init__(*((F("pk"), condition) if rhs is None else (condition, rhs)))

    def as_mql(self, _compiler: Any, _connection: Any, as_expr: bool = False) -> Row:  # noqa: FBT001, FBT002
        """As the backend asks for it; an index serves it, which no expression has."""
        if as_expr:
            raise NotImplementedError("A condition of this kind can only filter.")
        condition: Row = self.rhs
        return condition


def _connection() -> Any:
    """That of MongoDB's backend, which has more than Django's."""
    return connections[CATALOGUE]


def _marks() -> Any:
    return _connection().get_collection("catalogue_mark")


def _collection() -> Any:
    return _connection().get_collection(Document._meta.db_table)  # noqa: SLF001  Django's API


def _row(document: Document) -> Row:
    """As Django would write it, and the words beside, which no model has."""
    fields = Document._meta.concrete_fields  # noqa: SLF001  Django's API
    row: Row = {
        str(one.column): one.get_db_prep_save(getattr(document, one.attname), _connection())
        for one in fields
    }
    return row | {"words": document.words, "name_words": document.name_words}


def _brings_news(row: Row, known: Row | None) -> bool:
    if known is None:
        return True
    if any(known[name] > row[name] for name in ("product_version", "inventory_version")):
        return False
    return any(known.get(name) != row[name] for name in row.keys() - NO_STATE)


def _write(rows: Sequence[Row]) -> int:
    """Somebody may have written a newer one since: then there is nothing to update, and no room
    for another one with that id."""
    if not rows:
        return 0
    try:
        done = _collection().bulk_write(list(map(_upsert, rows)), ordered=False)
    except BulkWriteError as error:
        failed = [one for one in error.details["writeErrors"] if one["code"] != DUPLICATE]
        if failed or error.details["writeConcernErrors"]:
            raise
        return int(error.details["nMatched"] + error.details["nUpserted"])
    return int(done.matched_count + done.upserted_count)


def _upsert(row: Row) -> UpdateOne:
    brought = {name: value for name, value in row.items() if name not in GIVEN_ONCE | {ID}}
    once = {name: row[name] for name in GIVEN_ONCE - {"id"}}
    versions = {name: {"$lte": row[name]} for name in ("product_version", "inventory_version")}
    return UpdateOne({ID: row[ID]} | versions, {"$set": brought, "$setOnInsert": once}, upsert=True)


def _words(text: str) -> tuple[list[str], list[str]]:
    """Those that a search asks for, whole and by their beginning, as the products' search does."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT products_search_query(%s)::text", [text])
        (query,) = cursor.fetchone()
    found = [(word.replace("''", "'"), prefix) for word, prefix in WORD.findall(query or "")]
    whole = [word for word, prefix in found if not prefix]
    return whole, [word for word, prefix in found if prefix]


def _rank(name_words: Collection[str], whole: Sequence[str], beginnings: Sequence[str]) -> int:
    """From 400 000, where no word of the text is in the name, to a million, where all are."""
    inside = sum(word in name_words for word in whole)
    inside += sum(any(one.startswith(word) for one in name_words) for word in beginnings)
    asked = len(whole) + len(beginnings)
    return (inside * IN_NAME + (asked - inside) * ELSEWHERE) // max(1, asked)
