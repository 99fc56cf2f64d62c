"""The run: rows are judged and written batch by batch, and what became of each is counted."""

from __future__ import annotations

from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from django.db import (
    DEFAULT_DB_ALIAS,
    OperationalError,
    connection,
    connections,
    transaction,
)

from common.database import database_now
from inventory.management.legacy import judging, outputs
from inventory.management.legacy.judging import Rejected
from inventory.operations.opening import Standing, open_imported, standings
from products.importing import compared, import_products

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

    from django.db.backends.base.base import BaseDatabaseWrapper

    from inventory.management.legacy.outputs import Mapping, Rejects
    from inventory.management.legacy.rows import Row
    from inventory.models import Location
    from inventory.operations.opening import OpeningStock
    from products.importing import ImportedProduct

T = TypeVar("T")
Result = TypeVar("Result")

PRODUCTS: Final = "products"
INVENTORY: Final = "inventory"
WRITTEN: Final = ("products_product", "inventory_stocklevel", "inventory_stockmovement")
BATCH: Final = 2_000
BATCH_CHARACTERS: Final = 2**20
"""Rows to a transaction: one that is over in less than a second holds nobody up.

Fewer where they are long: PostgreSQL takes apart every word of a description.
"""


@dataclass(slots=True)
class Tally:
    """What became of the rows of one source."""

    read: int = 0
    rejected: int = 0
    found: Counter[Standing] = field(default_factory=Counter)


@dataclass(slots=True)
class _Batch(Generic[T]):
    """Rows with what they describe, and rows with the reasons why they are rejected."""

    items: list[tuple[Row, T]] = field(default_factory=list)
    rejected: list[tuple[Row, list[str]]] = field(default_factory=list)
    characters: int = 0

    def add(self, row: Row, judge: Callable[[Row], T]) -> None:
        self.characters += row.length
        try:
            self.items.append((row, judge(row)))
        except Rejected as refusal:
            self.rejected.append((row, refusal.reasons))

    @property
    def is_full(self) -> bool:
        rows = len(self.items) + len(self.rejected)
        return rows >= BATCH or self.characters >= BATCH_CHARACTERS


class Run:
    """One import, or a rehearsal of it: then everything but the writing is done.

    Products first, then stock. Each batch is a transaction of its own, and what is here already
    is left alone: a run that was cut short is completed by the next.
    """

    def __init__(
        self,
        *,
        location: Location,
        mapping: Mapping,
        rejects: Rejects,
        is_applied: bool,
        connections: int,
    ) -> None:
        self._location = location
        self._mapping = mapping
        self._rejects = rejects
        self._is_applied = is_applied
        self._connections = connections
        now = database_now()
        self._products = judging.Products(now)
        self._stock = judging.Stock(now)

    @property
    def tidied(self) -> int:
        """Products that are taken over with a name or description that was tidied."""
        return self._products.tidied

    def products(self, rows: Iterable[Row]) -> Iterator[Tally]:
        """Take over products; the tally so far, after each batch."""
        return self._carried_out(PRODUCTS, rows, self._product, self._products_written)

    def stock(self, rows: Iterable[Row]) -> Iterator[Tally]:
        """Take over opening stock likewise."""
        return self._carried_out(INVENTORY, rows, self._stock.opening, self._stock_written)

    def _carried_out(
        self,
        source: str,
        rows: Iterable[Row],
        judge: Callable[[Row], T],
        write: Callable[[list[T]], list[Standing | str]],
    ) -> Iterator[Tally]:
        """``write`` says how each item compared with what is here, or why it is rejected."""
        tally = Tally()
        batches = _batches(_mended(source, rows), judge)

        def written(batch: _Batch[T]) -> list[Standing | str]:
            return write([item for _, item in batch.items])

        for batch, found in in_order(written, batches, self._connections):
            for (row, _), standing in zip(batch.items, found, strict=True):
                if isinstance(standing, Standing):
                    tally.found[standing] += 1
                else:
                    batch.rejected.append((row, [standing]))
            for row, reasons in sorted(batch.rejected, key=lambda each: each[0].line):
                self._rejects.note(source, row, reasons)
            tally.rejected += len(batch.rejected)
            tally.read = tally.rejected + tally.found.total()
            yield tally

    def _product(self, row: Row) -> ImportedProduct:
        product = self._products.product(row)
        self._mapping.note(str(row.values["id"]), product.id)
        return product

    def _products_written(self, products: list[ImportedProduct]) -> list[Standing | str]:
        here = import_products(products=products) if self._is_applied else compared(products)
        is_same = {None: Standing.NEW, True: Standing.SAME, False: Standing.DIFFERENT}
        return [is_same[here.get(product.id)] for product in products]

    def _stock_written(self, openings: list[OpeningStock]) -> list[Standing | str]:
        if self._is_applied:
            found = open_imported(openings=openings, location=self._location)
        else:
            found = standings(openings)
        return [self._settled(each, found[each.product_id]) for each in openings]

    def _settled(self, opening: OpeningStock, standing: Standing) -> Standing | str:
        """The standing, or why it cannot be; in a rehearsal the products are still to come."""
        number = opening.product_id.int
        match standing:
            case Standing.DELETED_PRODUCT:
                return "product_id: Its product has been deleted here."
            case Standing.NO_PRODUCT if number in self._products.accepted:
                return Standing.NEW
            case Standing.NO_PRODUCT if number in self._products.rejected:
                return "product_id: Its product was rejected."
            case Standing.NO_PRODUCT:
                return "product_id: There is no such product."
        return standing


def analysed() -> bool:
    """Let PostgreSQL look again at how many rows there are, and of what kind, if the role may.

    Plans and the totals of long lists come from that. ANALYZE by another than the owner is no
    error: it does nothing. An import that is done does not fail for want of it either.
    """
    try:
        return _analysed()
    except OperationalError:
        return False


@transaction.atomic
def _analysed() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT bool_and(pg_has_role(relowner, 'USAGE')) FROM pg_class"
            " WHERE oid = ANY (%s::regclass[])",
            [list(WRITTEN)],
        )
        (may,) = cursor.fetchone()
        if may:
            cursor.execute("SET LOCAL statement_timeout = 0")  # seconds at a million rows
            cursor.execute(f"ANALYZE {', '.join(WRITTEN)}")
    return may


def in_order(
    work: Callable[[T], Result], tasks: Iterable[T], count: int
) -> Iterator[tuple[T, Result]]:
    """Each task with its result, in their order; so many connections work on them at once.

    A single one is the caller's, here. Several have a thread each, while the next tasks are
    made; only a few wait at any time.
    """
    if count == 1:
        yield from ((task, work(task)) for task in tasks)
        return
    with _threads(count) as pool:
        waiting: deque[tuple[T, Future[Result]]] = deque()
        for task in tasks:
            waiting.append((task, pool.submit(copy_context().run, work, task)))
            if len(waiting) > 2 * count:
                first, future = waiting.popleft()
                yield first, future.result()
        for task, future in waiting:
            yield task, future.result()


@contextmanager
def _threads(count: int) -> Iterator[ThreadPoolExecutor]:
    """Threads whose connections are closed with them: nothing else would do it."""
    opened: list[BaseDatabaseWrapper] = []

    def note() -> None:
        opened.append(connections[DEFAULT_DB_ALIAS])

    try:
        with ThreadPoolExecutor(count, initializer=note) as pool:
            yield pool
    finally:
        for each in opened:
            each.inc_thread_sharing()  # its own thread has ended
            each.close()


def _batches(rows: Iterable[Row], judge: Callable[[Row], T]) -> Iterator[_Batch[T]]:
    batch: _Batch[T] = _Batch()
    for row in rows:
        batch.add(row, judge)
        if batch.is_full:
            yield batch
            batch = _Batch()
    if batch.items or batch.rejected:
        yield batch


def _mended(source: str, rows: Iterable[Row]) -> Iterator[Row]:
    """Of a rejects file that is read as a dump, the rows in it; other dumps as they are."""
    for row in rows:
        values = outputs.mended(source, row)
        if values is row.values:
            yield row
        elif values is not None:
            problem = "" if isinstance(values, dict) else "Not an object."
            yield replace(row, values=values, problem=problem)
