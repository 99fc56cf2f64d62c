"""What PostgreSQL does for the queries of a request, as EXPLAIN ANALYZE tells it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db import connection
from django.test.utils import CaptureQueriesContext

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LARGE: Final = {
    "products_product",
    "catalogue_document",
    "inventory_stocklevel",
    "inventory_stockmovement",
    "inventory_batch",
    "inventory_reservation",
    "events_event",
    "webhooks_webhookdelivery",
}
"""The tables that no request may read from end to end."""
FEW_ROWS: Final = 15_000
"""PostgreSQL may read so many rows one after another, to count up to 10 000 for example: an index
would cost more."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One query as it was carried out."""

    sql: str
    root: dict[str, Any]

    @property
    def is_count(self) -> bool:
        return self.sql.startswith("SELECT COUNT(*)")

    @property
    def buffers(self) -> int:
        """Pages of 8 kB that were looked at, as often as they were: the same at any load."""
        return int(self.root["Shared Hit Blocks"] + self.root["Shared Read Blocks"])

    @property
    def read_from_end_to_end(self) -> set[str]:
        """The large tables that a sequential scan went through."""
        return {
            node["Relation Name"]
            for node in _nodes(self.root)
            if node["Node Type"] == "Seq Scan"
            and node["Relation Name"] in LARGE
            and _looked_at(node) > FEW_ROWS
        }

    @property
    def rows_read(self) -> int:
        """Rows and index entries that were looked at, those that were thrown away included."""
        return int(sum(_looked_at(node) for node in _nodes(self.root) if _is_scan(node)))

    @property
    def rows_sorted(self) -> int:
        """The most rows that one sort took in."""
        sorts = (node for node in _nodes(self.root) if node["Node Type"] == "Sort")
        return int(max((_given(node["Plans"][0]) for node in sorts), default=0))


def plans_of(ask: Callable[[], object]) -> list[Plan]:
    """The plans of the reads that ``ask`` sends."""
    with CaptureQueriesContext(connection) as captured:
        ask()
    statements = [query["sql"].strip() for query in captured.captured_queries]
    return [
        Plan(sql, _explained(sql))
        for sql in statements
        if sql.startswith(("SELECT", "WITH")) and "FOR " not in sql[-40:]
    ]


def _explained(sql: str) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}")
        (plan,) = cursor.fetchone()
    plan = plan if isinstance(plan, list) else json.loads(plan)
    root: dict[str, Any] = plan[0]["Plan"]
    return root


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from _nodes(below)


def _is_scan(node: dict[str, Any]) -> bool:
    return "Relation Name" in node or node["Node Type"] == "Bitmap Index Scan"


def _given(node: dict[str, Any]) -> float:
    return float(node["Actual Rows"] * node["Actual Loops"])


def _looked_at(node: dict[str, Any]) -> float:
    thrown_away = node.get("Rows Removed by Filter", 0)
    thrown_away += node.get("Rows Removed by Index Recheck", 0)
    return _given(node) + float(thrown_away * node["Actual Loops"])
