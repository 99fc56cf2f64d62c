"""The collection for Postman and its like: complete, and run as it is against a server."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import needs
from tests.openapi import operations

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
COLLECTION = HERE.parents[1] / "docs" / "stockroom.postman_collection.json"
ELSEWHERE = {"/schema", "{{more}}"}  # the document itself, and a link that an answer gave


def requests() -> Iterator[tuple[str, str]]:
    """Method and path of every request, as the document writes them."""
    for folder in json.loads(COLLECTION.read_text())["item"]:
        for item in folder["item"]:
            path = item["request"]["url"].removeprefix("{{base_url}}").partition("?")[0]
            if path not in ELSEWHERE:
                yield item["request"]["method"], re.sub(r"\{\{\w+\}\}", "{id}", path)


def test_every_request_is_an_operation_of_the_document():
    known = {(operation.method.upper(), operation.path) for operation in operations().values()}
    assert set(requests()) <= known


def test_every_kind_of_resource_has_a_request():
    lists = {one.path for name, one in operations().items() if name.startswith("list")}
    assert lists <= {path for method, path in requests() if method == "GET"}


@pytest.fixture(scope="module")
def newman(tmp_path_factory) -> Path:
    """A folder with the program that package-lock.json names."""
    folder: Path = tmp_path_factory.mktemp("newman")
    needs.npm_packages(HERE / "postman", folder)
    return folder


def run(folder: Path, base_url: str, api_key: str) -> dict[str, Any]:
    """The figures of one run: requests and assertions, with those that failed."""
    report = folder / "report.json"
    variables = ("--env-var", f"base_url={base_url}", "--env-var", f"api_key={api_key}")
    reporter = ("--reporters", "json", "--reporter-json-export", report)
    subprocess.run(
        [folder / "node_modules" / ".bin" / "newman", "run", COLLECTION, *variables, *reporter],
        cwd=folder,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        timeout=120,
        check=False,
    )
    ran = json.loads(report.read_text())["run"]
    problems = [f"{one['source']['name']}: {one['error']['message']}" for one in ran["failures"]]
    return ran["stats"] | {"problems": problems}


@pytest.mark.slow
def test_every_request_succeeds_one_after_the_other(newman, running_server):
    ran = run(newman, running_server.base_url, running_server.api_key)
    assert ran["problems"] == []
    items = [
        item for folder in json.loads(COLLECTION.read_text())["item"] for item in folder["item"]
    ]
    assert ran["requests"]["total"] == len(items)
    assert ran["assertions"]["total"] >= len(items)


@pytest.mark.slow
def test_without_a_key_nearly_none_does(newman, running_server):
    """Negative control: if this fails, the test above proves nothing."""
    ran = run(newman, running_server.base_url, "")
    assert len(ran["problems"]) > ran["requests"]["total"] / 2
