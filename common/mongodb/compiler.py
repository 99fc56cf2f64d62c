"""How a query of Django's is told to MongoDB.

MongoDB sorts by an index only where ``$sort`` comes first or right behind ``$match``. The backend
puts ``$project`` or ``$addFields`` between them, also where those leave the sorted fields as they
are: then each page would read and sort all that was found.
"""

from __future__ import annotations

from typing import Any, Final

from django_mongodb_backend import compiler
from django_mongodb_backend.query import MongoQuery

SQLInsertCompiler = compiler.SQLInsertCompiler
SQLDeleteCompiler = compiler.SQLDeleteCompiler
SQLUpdateCompiler = compiler.SQLUpdateCompiler
SQLAggregateCompiler = compiler.SQLAggregateCompiler

Stage = dict[str, Any]

PAGING: Final = ("$sort", "$skip", "$limit")
SHAPING: Final = ("$project", "$addFields")


class QuerySortedEarly(MongoQuery):  # type: ignore[misc]  # it has no types
    def get_pipeline(self) -> list[Stage]:
        return sorted_early(super().get_pipeline())


class SQLCompiler(compiler.SQLCompiler):  # type: ignore[misc]  # it has no types
    query_class = QuerySortedEarly


def sorted_early(stages: list[Stage]) -> list[Stage]:
    """The same, with the page taken before its rows are shaped, where that changes nothing."""
    names = [next(iter(stage)) for stage in stages]
    if "$sort" not in names:
        return stages
    at = names.index("$sort")
    begin = at
    while begin and names[begin - 1] in SHAPING and _keeps(stages[begin - 1], stages[at]["$sort"]):
        begin -= 1
    end = at
    while end < len(stages) and names[end] in PAGING:
        end += 1
    return [*stages[:begin], *stages[at:end], *stages[begin:at], *stages[end:]]


def _keeps(shaping: Stage, sorting: Any) -> bool:
    """Whether the fields that are sorted by are after it what they were before."""
    ((kind, fields),) = shaping.items()
    return all(  # what $project does not name is gone
        fields[name] in (1, f"${name}") if name in fields else kind == "$addFields"
        for name in sorting
    )
