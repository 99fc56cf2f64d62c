"""The running server against its OpenAPI document, with thousands of requests nobody thought of.

schemathesis makes them from the document, valid ones and invalid ones, the same in every run, and
checks each answer: status, media type, headers, document, and that neither good requests are
refused nor bad ones accepted. What it must know beyond the document is in ``tests/fuzzing``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.openapi import document, operations
from tests.relaying import running_relay
from tests.running import PROJECT, RunningServer, running_stockroom

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

CONFIG = PROJECT / "tests" / "fuzzing" / "schemathesis.toml"
PATIENCE = 900.0  # seconds; it takes about a tenth on a machine of its own


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server of its own, so that requests depend on nobody else's rows."""
    folder = tmp_path_factory.mktemp("fuzzed")
    with running_stockroom(folder) as running:
        make_rows(running)
        running.manage("rebuild_catalogue")
        with running_relay(running.environment, folder / "projector.log", "manage.py", "projector"):
            yield running


def make_rows(server: RunningServer) -> None:
    """Something to find: stock at two places and on its way, a ledger, holds, categories, webhooks
    and what they were sent.
    """

    def send(method: str, path: str, **attributes: Any) -> str:
        address, key = f"{server.base_url}/api/v1/{path}", {"X-API-Key": server.api_key}
        answer = requests.request(method, address, json=attributes, headers=key, timeout=10)
        answer.raise_for_status()
        return str(answer.json()["data"]["id"])

    tools = send("POST", "categories", name="Tools")
    for name in ("North", "South", "East", "West", "Attic", "Cellar"):
        send("POST", "locations", code=name.lower(), name=name)
    way = {"from_location": "main", "to_location": "north"}
    for name in ("Hammer", "Saw", "Drill", "Pliers"):
        category = send("POST", "categories", name=f"{name}s", parent=tools)
        texts = {"name": name, "description": "It lasts."}
        product = send("POST", "products", **texts, price=9.5, category=category)
        send("POST", "inventory", product_id=product, quantity=1000)
        send("POST", "transfers", product_id=product, **way, quantity=9)
        send("PATCH", f"inventory/{product}", quantity_delta=-1, location="north")
        send("PATCH", f"inventory/{product}", quantity_delta=-2, location="main")
        send("POST", "batches", product_id=product, reference=name, quantity=900, eta="2030-01-05")
        for number in range(2):
            lines = [{"product_id": product, "quantity": 3}]
            order = f"{name} {number}"
            send("POST", "reservations", order_reference=order, lines=lines, expires_in=604_800)
        endpoint = send("POST", "webhook-endpoints", url=f"https://{name.lower()}.example.com/")
        send("POST", f"webhook-endpoints/{endpoint}/test")


def fuzz(server: RunningServer, schema: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("schemathesis")
    options = [f"--config-file={CONFIG}", "--no-color", "run", schema, f"--url={server.base_url}"]
    return subprocess.run(
        [program, *options, *arguments],
        cwd=PROJECT,
        env=os.environ | {"API_KEY": server.api_key, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


@pytest.mark.timeout(1500)  # two minutes on a quiet machine
def test_every_answer_is_as_documented_and_every_operation_succeeds_at_least_once(server, tmp_path):
    report = tmp_path / "report.ndjson"
    fuzzed = fuzz(
        server, f"{server.base_url}/schema", "--report=ndjson", f"--report-ndjson-path={report}"
    )
    assert fuzzed.returncode == 0, fuzzed.stdout
    assert '"level":"error"' not in server.log.read_text()
    answered = statuses(report)
    assert {name for name, seen in answered.items() if not seen & {200, 201, 202, 204}} == refused()


def statuses(report: Path) -> dict[str, set[int]]:
    """The statuses that each operation answered with, by method and path."""
    found: dict[str, set[int]] = defaultdict(set)
    for line in report.read_text().splitlines():
        recorder = json.loads(line).get("ScenarioFinished", {}).get("recorder") or {}
        for interaction in recorder.get("interactions", {}).values():
            response = interaction.get("response") or {}
            found[recorder["label"]].add(response.get("status_code", 0))
    return {name: seen for name, seen in found.items() if name in promised_statuses()}


def promised_statuses() -> dict[str, set[str]]:
    """The statuses that the document promises, by method and path."""
    return {
        f"{operation.method.upper()} {operation.path}": set(operation.described["responses"])
        for operation in operations().values()
    }


def refused() -> set[str]:
    """The operations that only ever say no."""
    return {
        name
        for name, promised in promised_statuses().items()
        if not promised & {"200", "201", "202", "204"}
    }


def test_an_answer_that_is_not_as_documented_is_found(server, tmp_path):
    """Negative control: if this fails, the test above proves nothing."""
    wrong = json.loads(json.dumps(document()))
    attributes = wrong["components"]["schemas"]["Location"]["properties"]["attributes"]
    attributes["properties"]["priority"] = {"type": "string"}
    file = tmp_path / "wrong.json"
    file.write_text(json.dumps(wrong))
    only = ("--phases=coverage", "--include-operation-id=listLocations")
    fuzzed = fuzz(server, str(file), *only)
    assert fuzzed.returncode == 1, fuzzed.stdout
    assert "Response violates schema" in fuzzed.stdout
