"""Every operation says which locks it takes, and where the rules of all of them are."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
PAGE = PROJECT / "docs" / "locking.md"
OTHERS = {"marking.empty", "loading.load", "admins._delete_logged"}
"""Not operations: the demo, which locks whole tables; and an admin's view."""


@cache
def operations() -> list[tuple[str, str]]:
    return list(_operations())


def _operations():
    for app in ("common", "products", "inventory", "catalogue"):
        for path in (PROJECT / app).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.FunctionDef) and any(
                    isinstance(decorator, ast.Name) and decorator.id == "in_transaction"
                    for decorator in node.decorator_list
                ):
                    yield f"{path.stem}.{node.name}", ast.get_docstring(node) or ""


@pytest.mark.parametrize(
    ("name", "text"),
    [pytest.param(*found, id=found[0]) for found in sorted(operations()) if found[0] not in OTHERS],
)
def test_an_operation_names_its_locks_and_links_to_their_rules(name, text):
    assert "Locks: " in text, name
    assert str(PAGE.relative_to(PROJECT)) in text, name


def test_there_are_operations_and_the_page():
    names = {name for name, _ in operations()}
    assert PAGE.is_file()
    assert names > {"stock._adjusted", "operations.change_product"} | OTHERS
