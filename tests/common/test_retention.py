"""Of every table it is known what becomes of its rows: docs/operations.md has the one list."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.apps import apps
from django.db import connection

from catalogue.engines.mongodb_inventory import INVENTORY
from config.background import SCHEDULE
from config.celery import app

PAGE = Path(__file__).parents[2] / "docs/operations.md"
ROW = re.compile(r"^\| ((?:`\w+` ?)+)\|([^|]+)\|([^|]*)\|$", re.MULTILINE)
NAME = re.compile(r"`([\w.]+)`")
SECTION = "## What is kept for how long\n"


def rows() -> list[tuple[list[str], str, list[str]]]:
    """Tables, for how long, tasks: of each row of the list."""
    section = PAGE.read_text().partition(SECTION)[2].partition("\n## ")[0]
    return [
        (NAME.findall(tables), kept.strip(), NAME.findall(by))
        for tables, kept, by in ROW.findall(section)
    ]


@pytest.mark.django_db
def test_every_table_is_in_the_list_once():
    """A new table must decide: kept for ever and why, bounded by what, or swept by whom."""
    listed = [table for tables, _, _ in rows() for table in tables]
    assert len(listed) == len(set(listed))
    assert set(listed) == set(connection.introspection.table_names())


def test_every_collection_is_told_of():
    """Those of the catalogue in MongoDB: of its models, and what is kept beside them."""
    (told,) = re.findall(r"^With `MONGODB_URI` there are .+$", PAGE.read_text(), re.MULTILINE)
    models = {model._meta.db_table for model in apps.get_app_config("catalogue").get_models()}
    named = set(NAME.findall(told)) - {"MONGODB_URI"}
    assert named == models | {INVENTORY, "catalogue_mark"}


def test_each_says_for_how_long():
    assert all(kept for _, kept, _ in rows())


def test_whoever_sweeps_is_planned():
    app.loader.import_default_modules()
    sweepers = [task for _, _, tasks in rows() for task in tasks]
    planned = {entry["task"] for entry in SCHEDULE.values()}
    assert set(sweepers) <= planned
    assert {task for task in app.tasks if ".sweep_" in task} == set(sweepers)


def test_the_ledger_and_the_trail_are_never_swept():
    for_ever = {table for tables, kept, _ in rows() if "for ever" in kept for table in tables}
    assert {"inventory_stockmovement", "people_auditentry"} <= for_ever
    assert all(not tasks for _, kept, tasks in rows() if "for ever" in kept)
