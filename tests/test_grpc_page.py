"""docs/grpc.md: what it shows works, what it names exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from config.environment import VARIABLES
from tests.factories import StockLevelFactory

PAGE = (Path(__file__).parent.parent / "docs" / "grpc.md").read_text()


@pytest.mark.django_db
def test_the_program_that_it_shows_is_refused_with_the_figures(rpc, capsys):
    StockLevelFactory(product__sku="MUG", on_hand=5)
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(program, {"HOST": f"127.0.0.1:{rpc.server.port}", "KEY": rpc.key})  # noqa: S102 - ours
    first, last = [line for line in capsys.readouterr().out.splitlines() if line[0] != "{"]
    assert first == "1 MUG 19.99"
    assert last.startswith("FAILED_PRECONDITION ('insufficient_stock', {")
    assert "'requested': '1000000'" in last


def test_variables_and_files_that_it_names_exist():
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", PAGE))
    codes = {
        *("INVALID_ARGUMENT", "PERMISSION_DENIED", "NOT_FOUND", "FAILED_PRECONDITION"),
        *("RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED"),
    }
    assert named - codes <= set(VARIABLES)
    for link in re.findall(r"\]\((?!http)([^)#]+)", PAGE):
        assert (Path(__file__).parent.parent / "docs" / link).exists(), link
