"""``manage.py grpcserver``, as it really runs, beside a Stockroom that really runs."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.request import urlopen

import grpc
import pytest

from tests.calling import Rpc
from tests.relaying import running_relay
from tests.running import PROJECT, free_port
from tests.test_background_metrics import create_products
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

STUBBORN = """
import os, time
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
import django
django.setup()
from django.core.management import call_command
from common.rpc.server import Server
from products.rpc import reading
Server.stop.__defaults__ = (0.2,)
def page(number, size):
    print("begun", flush=True)
    time.sleep(5)
    return [], 0
reading.page = page
call_command("grpcserver")
print("ended", flush=True)
"""
"""A server that waits for its calls no longer than a moment, and a call that lasts longer."""

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("grpc_process")]


@contextmanager
def serving(server, log, *command, **settings) -> Iterator[Rpc]:
    port = str(free_port())
    own = dict(server.environment) | {"GRPC_PORT": port} | settings
    with (
        running_relay(own, log, *(command or ("manage.py", "grpcserver"))) as process,
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        grpc.channel_ready_future(channel).result(60)
        yield Rpc(channel, server.api_key, process)


def test_it_serves_what_the_web_server_serves_and_ends_when_it_is_told(running_server, tmp_path):
    metrics = free_port()
    create_products(running_server, "RPC-MUG")
    log = tmp_path / "grpc.log"
    with serving(running_server, log, METRICS_PORT=str(metrics)) as rpc:
        listed = rpc("products.v1", "ListProducts", size=100)
        assert "RPC-MUG" in [product.sku for product in listed.products]
        with urlopen(f"http://127.0.0.1:{metrics}/metrics", timeout=10) as answer:
            figures = answer.read().decode()
        assert "rpc_threads 8.0" in figures
        assert 'method="products.v1.ProductsService/ListProducts"' in figures
    assert '"event":"grpc_stopping"' in log.read_text()  # and it ended with 0


def test_a_port_that_is_taken_is_said_in_a_sentence(running_server):
    own = dict(running_server.environment) | {"GRPC_PORT": running_server.environment["PORT"]}
    done = subprocess.run(
        [sys.executable, "manage.py", "grpcserver"],
        cwd=PROJECT,
        env=own,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "it is taken (GRPC_PORT names another port)" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_call_under_way_ends_though_it_is_told_to_stop(running_server, tmp_path):
    with serving(running_server, tmp_path / "grpc.log") as rpc:
        listed = [
            rpc.channel.unary_unary("/products.v1.ProductsService/ListProducts").future(
                b"\x10\x64", metadata=(("x-api-key", rpc.key),), timeout=20
            )
            for _ in range(8)
        ]
        listed[0].result(20)
        rpc.server.terminate()
        outcomes = [call.code() for call in listed]
        assert set(outcomes) <= {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE}
        wait_until(lambda: rpc.server.poll() is not None, 30)


def test_a_call_that_lasts_longer_than_the_stop_does_not_break_it(running_server, tmp_path):
    """The process ends with 0 when the thread is done, having told what it had to."""
    log = tmp_path / "grpc.log"
    with serving(running_server, log, "-c", STUBBORN, GRPC_THREADS="1") as rpc:
        call = rpc.channel.unary_unary("/products.v1.ProductsService/ListProducts").future(
            b"", metadata=(("x-api-key", rpc.key),), timeout=20
        )
        wait_until(lambda: "begun" in log.read_text())
        rpc.server.terminate()
        assert call.code() is grpc.StatusCode.UNAVAILABLE
        assert rpc.server.wait(20) == 0
    assert "ended" in log.read_text()
    assert "Traceback" not in log.read_text()
