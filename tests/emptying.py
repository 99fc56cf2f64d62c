"""Emptying the database after a test that has committed: what Django's flush does, in less time.

Django empties all tables and then makes content types and permissions anew, which are the same
every time. Here those stay, and only tables that hold rows are emptied, with what refers to them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connection
from django.test import TransactionTestCase

if TYPE_CHECKING:
    from collections.abc import Iterator

OF_MIGRATIONS: Final = {"django_content_type", "auth_permission"}
"""Made by migrations, and of no test's."""


@pytest.fixture(scope="session", autouse=True)
def emptied_quickly() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", _empty)
        yield


def _empty(case: Any) -> None:
    for alias in case._databases_names(include_mirrors=False):
        if alias == DEFAULT_DB_ALIAS:
            empty_filled_tables()
        else:
            call_command("flush", database=alias, interactive=False, verbosity=0)


def empty_filled_tables() -> None:
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    filled = " UNION ALL ".join(
        f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})"  # noqa: S608 - names of Django's
        for name in set(names) - OF_MIGRATIONS
    )
    with connection.cursor() as cursor:
        cursor.execute(filled)
        if tables := [name for (name,) in cursor.fetchall()]:
            cursor.execute(f"TRUNCATE {', '.join(tables)} CASCADE")
