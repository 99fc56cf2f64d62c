"""The same tests on both engines: with MONGODB_URI the documents are there, else in PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connections

from catalogue.engines import engine
from catalogue.routing import CATALOGUE, is_configured

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What is about the other engine alone is left out: the run on MongoDB, which is one test of
    ours (tests/test_catalogue_in_mongodb.py), counts them.

    Whoever may use the database may use that of the documents too.
    """
    foreign = "of_postgresql" if is_configured() else "of_mongodb"
    left_out = [item for item in items if item.get_closest_marker(foreign)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]
    if not is_configured():
        return
    for item in items:
        marker = item.get_closest_marker("django_db")
        if marker is not None and HERE in item.path.parents:
            allowed = {**marker.kwargs, "databases": ["default", CATALOGUE]}
            item.add_marker(pytest.mark.django_db(*marker.args, **allowed), append=False)


@pytest.fixture(scope="session", autouse=True)
def prepared(django_db_setup: None, django_db_blocker: Any) -> None:
    """As by the first projector."""
    with django_db_blocker.unblock():
        engine.prepare()


@pytest.fixture(autouse=True)
def nothing_left_in_mongodb(request: pytest.FixtureRequest) -> Iterator[None]:
    """It has no transaction that could be rolled back."""
    yield
    if is_configured() and request.node.get_closest_marker("django_db"):
        mongodb: Any = connections[CATALOGUE]
        for name in mongodb.database.list_collection_names():
            mongodb.database[name].delete_many({})


@pytest.fixture
def no_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Documents of an older state of stock are written over those of a newer one."""
    write = engine._upsert  # type: ignore[attr-defined]  # each has its own
    if not is_configured():
        statement = write().replace("known.inventory_version <= excluded.inventory_version", "true")
        monkeypatch.setattr(engine, "_upsert", lambda: statement)
        return
    monkeypatch.setattr(engine, "_brings_news", lambda *_: True)

    def unguarded(row):
        update = write(row)
        del update._filter["inventory_version"]
        return update

    monkeypatch.setattr(engine, "_upsert", unguarded)
