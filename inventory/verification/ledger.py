"""Stock levels against their ledger, and against what is promised of them and on its way.

What happens between two steps does no harm, because the ledger only grows: a stock level is read
together with the number of its last movement, and the movements up to there are the same whenever
they are added up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from django.db import connection
from django.db.models import BigIntegerField, F, Min, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce

from inventory.models import Batch, StockLevel, StockMovement
from inventory.verification.findings import Difference, Step
from inventory.verification.promises import allocated_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date
    from uuid import UUID

LEVELS_AT_ONCE: Final = 1_000
MOVEMENTS_AT_ONCE: Final = 20_000

# Adds up the next movements of some stock levels. For each: how many there were, their sum, the
# last one's sequence; the first that is out of sequence (its place, its sequence) and the first
# whose running total is wrong (its sequence, the right total, its total).
ADD_UP = """
SELECT part.id, count(line.sequence), coalesce(sum(line.delta), 0), max(line.sequence),
    min(ARRAY[line.place, line.sequence]) FILTER (WHERE line.sequence <> line.place),
    min(ARRAY[line.sequence, line.total, line.on_hand_after])
        FILTER (WHERE line.on_hand_after <> line.total)
FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[], %s::numeric[], %s::bigint[])
    AS part (id, count, after, total, until)
LEFT JOIN LATERAL (
    SELECT sequence, delta, on_hand_after,
        part.count + row_number() OVER in_order AS place,
        part.total + sum(delta) OVER in_order AS total
    FROM (
        SELECT sequence, delta, on_hand_after FROM inventory_stockmovement
        WHERE stock_level_id = part.id AND sequence > part.after AND sequence <= part.until
        ORDER BY sequence LIMIT %s
    ) AS movement
    WINDOW in_order AS (ORDER BY sequence ROWS UNBOUNDED PRECEDING)
) AS line ON true
GROUP BY part.id
"""


@dataclass(slots=True)
class _Account:
    """A stock level, and its ledger as far as it has been added up."""

    id: UUID
    sku: str
    location: str
    on_hand: int
    reserved: int
    incoming: int
    next_eta: date | None
    movement_count: int
    last_sequence: int
    promised: int
    on_its_way: int
    first_eta: date | None
    count: int = 0
    after: int = 0
    total: int = 0
    is_complete: bool = False
    wrong: dict[str, tuple[object, object]] = field(default_factory=dict)
    """Expected and found for each wrong figure; of several wrong movements the first."""

    def compare(self, figure: str, *, expected: object, found: object) -> None:
        if expected != found:
            self.wrong.setdefault(figure, (expected, found))

    def differences(self) -> list[Difference]:
        return [
            Difference(self.id, self.sku, self.location, figure, expected, found)
            for figure, (expected, found) in self.wrong.items()
        ]


def movements_to_verify() -> int:
    """How many movements the stock levels count."""
    return int(StockLevel.objects.aggregate(total=Coalesce(Sum("movement_count"), 0))["total"])


def levels_with_ledger() -> Iterator[Step]:
    """Of the movements of one level, the first that is out of sequence and the first with a wrong
    total are named.
    """
    for accounts in _accounts():
        for account in accounts:
            account.compare("reserved", expected=account.promised, found=account.reserved)
            account.compare("incoming", expected=account.on_its_way, found=account.incoming)
            account.compare("next_eta", expected=account.first_eta, found=account.next_eta)
        for group in _groups(accounts):
            yield from _added_up(group)


def _accounts() -> Iterator[list[_Account]]:
    """All stock levels, in batches by primary key."""
    last = StockMovement.objects.filter(stock_level=OuterRef("pk")).order_by("-sequence")
    coming = Batch.objects.incoming().filter(
        product=OuterRef("product"), location=OuterRef("location")
    )
    of_level = coming.order_by().values("location")
    units = of_level.annotate(units=Sum(F("quantity") - F("received_quantity"))).values("units")
    first = of_level.annotate(first=Min("eta")).values("first")
    rows = StockLevel.objects.order_by("pk").values_list(
        "pk",
        "product__sku",
        "location__code",
        "on_hand",
        "reserved",
        "incoming",
        "next_eta",
        "movement_count",
        Coalesce(Subquery(last.values("sequence")[:1]), 0),
        allocated_of("stock_level"),
        Coalesce(Subquery(units), 0, output_field=BigIntegerField()),
        Subquery(first),
    )
    accounts = [_Account(*row) for row in rows[:LEVELS_AT_ONCE]]
    while accounts:
        yield accounts
        following = rows.filter(pk__gt=accounts[-1].id)
        accounts = [_Account(*row) for row in following[:LEVELS_AT_ONCE]]


def _groups(accounts: Iterable[_Account]) -> Iterator[list[_Account]]:
    """The accounts in groups that have about as many movements as one step takes."""
    group: list[_Account] = []
    size = 0
    for account in accounts:
        group.append(account)
        size += account.last_sequence
        if size >= MOVEMENTS_AT_ONCE:
            yield group
            group, size = [], 0
    if group:
        yield group


def _added_up(group: list[_Account]) -> Iterator[Step]:
    """Step by step, until the last account of the group is complete."""
    while group:
        movements = _add_up(group)
        complete = [account for account in group if account.is_complete]
        yield Step(movements, [found for account in complete for found in account.differences()])
        group = [account for account in group if not account.is_complete]


def _add_up(group: list[_Account]) -> int:
    """Add the next movements to each of the accounts; how many there were."""
    parts = [(each.id, each.count, each.after, each.total, each.last_sequence) for each in group]
    columns = [list(column) for column in zip(*parts, strict=True)]
    by_id = {account.id: account for account in group}
    movements = 0
    with connection.cursor() as cursor:
        cursor.execute(ADD_UP, [*columns, MOVEMENTS_AT_ONCE])
        for level_id, count, total, after, gap, wrong_total in cursor:
            account = by_id[level_id]
            account.count += count
            account.total += int(total)
            account.after = after or account.after
            _note(account, gap, wrong_total)
            if count < MOVEMENTS_AT_ONCE:
                _close(account)
            movements += count
    return movements


def _note(account: _Account, gap: list[int] | None, wrong_total: list[int] | None) -> None:
    if gap:
        place, sequence = map(int, gap)
        account.wrong.setdefault("sequence", (place, sequence))
    if wrong_total and not any(figure.startswith("on_hand_after") for figure in account.wrong):
        sequence, right, found = map(int, wrong_total)
        account.compare(f"on_hand_after of movement {sequence}", expected=right, found=found)


def _close(account: _Account) -> None:
    """All movements are added up: now the counters must agree with them."""
    account.compare("movement_count", expected=account.last_sequence, found=account.movement_count)
    account.compare("on_hand", expected=account.total, found=account.on_hand)
    account.is_complete = True
