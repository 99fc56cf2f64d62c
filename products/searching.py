"""What a search of the catalogue finds, at a price that does not grow with the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import EmptyResultSet
from django.db import connections, models
from django.db.models.expressions import RawSQL

from common.database import estimated

if TYPE_CHECKING:
    from products.querysets import ProductQuerySet

MOST_RANKED: Final = 1_000
"""No more matches than these are all found."""
RANKED_OF_MANY: Final = 250
"""So many will do where far more match, according to PostgreSQL's statistics."""
FAR_MORE: Final = 5
SAMPLE: Final = 1_000
NEWEST: Final = 20_000

STATEMENT: Final = """WITH asked AS MATERIALIZED (
    SELECT products_search_query(%s) AS words, products_rare_words(%s) AS rare
), codes AS MATERIALIZED (
    {codes} LIMIT %s
), newest AS MATERIALIZED (
    SELECT id, search @@ (SELECT words FROM asked) AS matches FROM ({newest}) AS products
), read AS MATERIALIZED (
    SELECT id FROM newest
    WHERE matches AND CASE
        WHEN (SELECT rare FROM asked) IS NOT NULL OR (SELECT count(*) FROM codes) > %s THEN false
        ELSE (
            SELECT count(*) FROM (SELECT matches FROM newest LIMIT %s) AS sample WHERE matches
        ) >= %s * greatest(%s, sqrt(%s / greatest(
            (SELECT reltuples FROM pg_class WHERE oid = 'products_product'::regclass), 1
        )))
    END LIMIT %s
), all_of_them AS MATERIALIZED (
    {all_of_them} LIMIT %s
), reached AS MATERIALIZED (
    SELECT (SELECT count(*) FROM codes) > %s AS codes, (SELECT count(*) FROM read) > %s AS read
), found AS (
    SELECT id FROM codes WHERE (SELECT codes FROM reached)
    UNION ALL
    SELECT id FROM read WHERE (SELECT read FROM reached)
    UNION ALL
    SELECT id FROM all_of_them WHERE (SELECT NOT codes AND NOT read FROM reached)
)
SELECT coalesce((array_agg(id))[:%s], '{{}}')::text, count(*) FROM found
"""
"""The products among which a search ranks, one more counted; the braces are for plain queries.

PostgreSQL collects every match of a word from its index before it gives the first one: a word
that stands in half of a million products would take a fifth of a second. So

- where more than the limit have SKUs that begin with the text, it is the first of those;
- words that few products hold (by PostgreSQL's statistics) are looked up in the index, and the
  other words are compared with what it gives;
- where all words are common, and a sample of the newest products holds so many matches that it
  takes less time than the index, the newest are read until there are more than the limit;
- where that finds fewer all the same, the index is asked after all.

So either all matches are found, or more than the limit. What is not needed does not run, and
nothing runs further than needed.
"""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search ranks: an array of ids, as PostgreSQL writes it, and how many match."""

    ids: str = "{}"
    number: int = 0
    are_left_out: bool = False
    """More match than are ranked; their number is an estimate."""

    @property
    def rows(self) -> RawSQL:
        return RawSQL("SELECT unnest(%s::uuid[])", [self.ids])


def find(products: ProductQuerySet, text: str) -> Found:
    """Those of the products that hold every word of the text, or the newest or first of them.

    All if 1 000 or fewer match; if more do, 1 000; if PostgreSQL expects far more, 250.
    """
    try:
        expected = estimated(products.filter(_is_match(text)))
        limit = RANKED_OF_MANY if expected > FAR_MORE * MOST_RANKED else MOST_RANKED
        ids, number = _first(products, text, limit)
    except EmptyResultSet:  # Django sees by itself that nothing can match
        return Found()
    if number <= limit:
        return Found(ids, number)
    return Found(ids, max(expected, number), are_left_out=True)


def rank(text: str) -> RawSQL:
    """How well a product's words match, below a million; a whole number, exact in a cursor."""
    return RawSQL(
        "(ts_rank(search, products_search_query(%s)) * 1e6)::int", [text], models.IntegerField()
    )


def _is_match(text: str) -> RawSQL:
    return RawSQL("search @@ products_search_query(%s)", [text], models.BooleanField())


def _first(products: ProductQuerySet, text: str, limit: int) -> tuple[str, int]:
    """The ids of so many matches, and whether there are more: then the number is one higher."""
    codes, of_codes = _sql(_by_code(products, text).values("id"))
    newest, of_newest = _sql(products.order_by("-pk").values("id", "search"))
    all_of_them, of_all = _sql(_by_index(products).values("id"))
    statement = STATEMENT.format(codes=codes, newest=_of_newest(newest), all_of_them=all_of_them)
    with connections[products.db].cursor() as cursor:
        cursor.execute(
            statement,
            [
                *(text, text, *of_codes, limit + 1),
                *(*of_newest, limit, SAMPLE, SAMPLE, limit / NEWEST),
                *(limit, limit + 1),
                *(*of_all, limit + 1),
                *(limit, limit, limit),
            ],
        )
        ids, number = cursor.fetchone()
    return ids, number


def _by_code(products: ProductQuerySet, text: str) -> ProductQuerySet:
    return products.filter(sku__startswith=text.strip().upper()).order_by("sku", "pk")


def _by_index(products: ProductQuerySet) -> ProductQuerySet:
    """What the index finds by the rare words, compared with all words."""
    found = "products_product.search @@ (SELECT coalesce(rare, words) FROM asked)"
    compared = "coalesce(products_product.search, '') @@ (SELECT words FROM asked)"
    for condition in (found, compared):
        products = products.filter(RawSQL(condition, [], models.BooleanField()))  # noqa: S611
    return products.order_by()


def _sql(rows: models.QuerySet[Any, Any]) -> tuple[str, tuple[Any, ...]]:
    return rows.query.sql_with_params()


def _of_newest(sql: str) -> str:
    """The same query, of the newest products: it filters those, however few it is left with."""
    newest = f'(SELECT * FROM "products_product" ORDER BY id DESC LIMIT {NEWEST})'  # noqa: S608
    return sql.replace('FROM "products_product"', f'FROM {newest} AS "products_product"')
