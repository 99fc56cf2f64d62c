"""How fast events travel: ``python -m tests.bench.events``, or with ``--events 20000``.

A relay catches up after an outage: so many events wait in PostgreSQL, then one relay starts. What
counts is the time from the first to the last of them at the other end, a RabbitMQ given by
EVENTS_BROKER_URL (left out where there is none) or a webhook endpoint on this machine, and the
relay's CPU for each event. Then the way of a single event: from the answer to a change to the
arrival of its webhook.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import Any
from uuid import uuid4

SINGLE = 200
SKU = "BENCH"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    wanted = parser.parse_args()
    os.environ.setdefault("DATA_DIR", ".data/bench")
    os.environ |= {"DEVELOPMENT": "1", "WEBHOOK_ALLOW_PRIVATE": "1", "LOG_LEVEL": "WARNING"}
    from config.own_servers import own_servers

    with own_servers():
        _measure(wanted.events)


def _measure(count: int) -> None:
    from tests.running import running_stockroom

    broker = os.environ.get("EVENTS_BROKER_URL", "")
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder)
        with running_stockroom(own, EVENTS_BROKER_URL=broker, LOG_LEVEL="WARNING") as server:
            os.environ |= {"DATABASE_URL": server.environment["DATABASE_URL"]}
            os.environ |= {"DJANGO_SETTINGS_MODULE": "config.settings"}
            import django

            django.setup()
            if broker:
                _catch_up(server, count, Published(broker), "to RabbitMQ")
            with Delivered() as delivered:
                _catch_up(server, count, delivered, "to a webhook endpoint")
                _one_by_one(server, delivered)


class Published:
    """The end of the way to RabbitMQ: how far the relay has come with what is confirmed."""

    def __init__(self, url: str) -> None:
        self._url = url

    def arrived(self) -> int:
        from common.events.models import Reader

        return Reader.objects.filter(pk="broker").values_list("sequence", flat=True).first() or 0


class Delivered:
    """A webhook endpoint of our own that takes everything."""

    def __enter__(self) -> Delivered:
        from common.webhooks.models import WebhookEndpoint

        self.times: list[float] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self.times))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        WebhookEndpoint.objects.create(
            url=f"http://127.0.0.1:{self._server.server_port}/",
            secret="whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
            created_by="bench",
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def arrived(self) -> int:
        return len(self.times)


def _handler(times: list[float]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(204)
            self.end_headers()
            times.append(perf_counter())

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    return Handler


def _catch_up(server: Any, count: int, end: Published | Delivered, where: str) -> None:
    import psutil

    from common.database import in_transaction
    from common.events.models import Event
    from common.events.recording import Fact, record
    from tests.relaying import running_relay
    from tests.waiting import wait_until

    before = Event.objects.count() if isinstance(end, Published) else end.arrived()
    figures = {"sku": SKU, "location": "main", "before": 5, "after": 4, "reason": "sale"}
    for _ in range(count // 500):
        facts = [Fact("stock.changed", "inventory", uuid4(), dict(figures)) for _ in range(500)]
        in_transaction(record)(facts)
    with ExitStack() as at_end:
        log = Path(server.log).with_name("relay.log")
        relay = psutil.Process(at_end.enter_context(running_relay(server.environment, log)).pid)
        wait_until(lambda: end.arrived() > before, 60)
        began, burnt = perf_counter(), sum(relay.cpu_times()[:2])
        first = end.arrived()
        wait_until(lambda: end.arrived() >= before + count, 600)
        seconds, burnt = perf_counter() - began, sum(relay.cpu_times()[:2]) - burnt
        events = before + count - first
    rate, cpu = events / seconds, burnt / events * 1e6
    _say(f"{where}: {rate:,.0f} events a second, {cpu:,.0f} µs of the relay's CPU each")


def _one_by_one(server: Any, delivered: Delivered) -> None:
    """One change after the other, each of them waited for."""
    from tests.faults.traffic import Caller, stocked_product
    from tests.relaying import running_relay
    from tests.waiting import wait_until

    took = []
    with running_relay(server.environment, Path(server.log).with_name("relay.log")):
        product, caller = stocked_product(server), Caller(server)
        known = delivered.arrived() + 2  # the product and its opening stock
        wait_until(lambda: delivered.arrived() >= known, 60)
        for number in range(SINGLE):
            status, _ = caller.ask("PATCH", f"/api/v1/inventory/{product}", {"quantity_delta": -1})
            answered = perf_counter()
            assert status == 200
            wait_until(lambda: delivered.arrived() > known + number, 60)  # noqa: B023 - at once
            took.append((delivered.times[-1] - answered) * 1000)
        caller.close()
    percentile = quantiles(took, n=100)[98]
    _say(f"answer to webhook: median {median(took):.0f} ms, 99th percentile {percentile:.0f} ms")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
