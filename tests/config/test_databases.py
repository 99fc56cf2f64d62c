"""DATABASES, out of addresses."""

from __future__ import annotations

import pytest
from pymongo import MongoClient, ReadPreference

from config.databases import CATALOGUE, databases

PRIMARY = "postgres://stockroom:p@db/stockroom"


def of_mongodb(uri):
    return databases(PRIMARY, "", uri)[CATALOGUE]


def test_without_an_address_there_is_no_further_database():
    assert set(databases(PRIMARY, "", "")) == {"default"}


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("mongodb://u:p@mongodb:27017/shop", "shop"),
        ("mongodb://u:p@a:27017,b:27018/shop?replicaSet=rs0", "shop"),
        ("mongodb://mongodb:27017/", "stockroom"),
        ("mongodb://mongodb", "stockroom"),
    ],
)
def test_the_name_is_that_of_the_address(uri, name):
    assert of_mongodb(uri)["NAME"] == name


def patience(uri):
    """Seconds: to find the server, to connect, until it answers."""
    found = of_mongodb(uri)
    with MongoClient(found["HOST"], connect=False, **found["OPTIONS"]) as client:
        pool = client.options.pool_options
        return client.options.server_selection_timeout, pool.connect_timeout, pool.socket_timeout


def test_nobody_waits_long_for_it():
    assert all(
        0 < own <= most for own, most in zip(patience("mongodb://h"), (2, 2, 10), strict=True)
    )


def test_what_the_address_says_of_that_counts():
    said = "serverSelectionTimeoutMS=30000&connectTimeoutMS=500&sockettimeoutms=3000"
    assert patience(f"mongodb://mongodb/shop?{said}") == (30, 0.5, 3)


def test_the_password_stands_where_django_hides_it_and_is_the_one_that_is_meant():
    found = of_mongodb("mongodb://ada:p%40ss%2F1@a,b:27018/shop?tls=true")
    assert (found["USER"], found["PASSWORD"]) == ("ada", "p@ss/1")
    assert found["HOST"] == "mongodb://a,b:27018/shop?tls=true"


def test_readers_are_shown_the_newest_whatever_the_address_says():
    found = of_mongodb("mongodb://mongodb/shop?readPreference=secondary")
    with MongoClient(found["HOST"], connect=False, **found["OPTIONS"]) as client:
        assert client.read_preference == ReadPreference.PRIMARY
