"""locustfile.py: the mix works against a real server, and its verdict can be trusted."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from tests.running import PROJECT, running_stockroom

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.running import RunningServer

GENEROUS = {"SLO_READ_MS": "60000", "SLO_WRITE_MS": "60000"}
SEVERE = {"SLO_READ_MS": "0.001", "SLO_WRITE_MS": "60000"}
VERDICT = re.compile(r"^  (p95 of a [a-z ]+?|errors) {2,}.*(met|MISSED)$", re.MULTILINE)
PRODUCT = {"data": [{"type": "products", "id": "019a0000-0000-7000-8000-000000000000"}]}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """With the demo data, as `make run` has it."""
    with running_stockroom(tmp_path_factory.mktemp("shop"), DEMO="1") as server:
        yield server


def locust(host: str, key: str, **settings: str) -> subprocess.CompletedProcess[str]:
    command = ["-m", "locust", "--headless", "-u", "20", "-r", "20", "-t", "6s", "--host", host]
    return subprocess.run(
        [sys.executable, *command],
        cwd=PROJECT,
        env=os.environ | {"STOCKROOM_API_KEY": key} | settings,
        capture_output=True,
        text=True,
        check=False,
    )


def verdict_of(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    found = dict(VERDICT.findall(done.stdout))
    assert len(found) == 3, done.stdout + done.stderr
    return found


@pytest.mark.slow
def test_a_shop_that_works_meets_its_objectives(shop):
    done = locust(shop.base_url, shop.api_key, **GENEROUS)
    assert set(verdict_of(done).values()) == {"met"}, done.stdout + done.stderr
    assert done.returncode == 0
    for name in (
        "GET /products/{id}", "GET /products?filter[search]", "POST /availability",
        "POST /reservations", "POST /reservations/{id}/release", "POST /reservations/{id}/confirm",
        "POST /reservations/{id}/ship", "PATCH /inventory/{id}",
    ):  # fmt: skip
        assert name in done.stdout + done.stderr  # its tables are log lines
    assert shop.manage("verify_stock") == ""


@pytest.mark.slow
def test_a_shop_that_is_slower_than_it_should_be_misses_them(shop):
    """Negative control of the objectives in time."""
    done = locust(shop.base_url, shop.api_key, **SEVERE)
    assert verdict_of(done)["p95 of a cached read"] == "MISSED"
    assert done.returncode == 1


@pytest.mark.slow
def test_a_shop_that_is_broken_misses_them():
    with broken_shop() as host:
        done = locust(host, "a key", **GENEROUS)
    assert verdict_of(done)["errors"] == "MISSED"
    assert done.returncode == 1


@pytest.mark.slow
def test_a_shop_without_products_is_not_measured():
    with broken_shop(products={"data": []}) as host:
        done = locust(host, "a key", **GENEROUS)
    assert verdict_of(done)["p95 of a stock write"] == "MISSED"
    assert done.returncode == 1


@contextmanager
def broken_shop(products: object = PRODUCT) -> Iterator[str]:
    """It lists products, and fails at everything else."""
    body = json.dumps(products).encode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if "?page" in self.path:
                self.answer(200, body)
            else:
                self.fail()

        def fail(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.answer(500, b"{}")

        do_POST = do_PATCH = fail  # noqa: N815 - the names that the library calls

        def answer(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_given: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
