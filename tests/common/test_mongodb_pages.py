"""A page is taken before its rows are shaped, where that changes nothing."""

from __future__ import annotations

import pytest

from common.mongodb.compiler import sorted_early

MATCH = {"$match": {"is_gone": False}}
SORT = {"$sort": {"price": 1, "_id": 1}}
LIMIT = {"$limit": 21}


@pytest.mark.parametrize(
    "shaping",
    [
        {"$addFields": {"price": "$price", "_id": "$_id"}},
        {"$addFields": {"other": {"$add": ["$price", 1]}}},
        {"$project": {"price": 1, "_id": 1, "name": "$name"}},
    ],
)
def test_what_keeps_the_sorted_fields_comes_behind_the_page(shaping):
    assert sorted_early([MATCH, shaping, SORT, LIMIT]) == [MATCH, SORT, LIMIT, shaping]


@pytest.mark.parametrize(
    "shaping",
    [
        {"$addFields": {"price": {"$add": ["$price", 1]}}},
        {"$project": {"_id": 1}},
        {"$project": {"price": "$other", "_id": 1}},
        {"$group": {"_id": "$price"}},
    ],
)
def test_what_makes_the_sorted_fields_stays_before(shaping):
    stages = [MATCH, shaping, SORT, LIMIT]
    assert sorted_early(stages) == stages


def test_what_is_not_sorted_stays_as_it_is():
    stages = [MATCH, {"$project": {"_id": 1}}, LIMIT]
    assert sorted_early(stages) == stages
