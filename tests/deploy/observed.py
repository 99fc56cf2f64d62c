"""A Stockroom in which everything that is counted has happened at least once.

Web, gRPC, relay, projector, consumer and worker really run, and share their figures, so that one
scrape of the web server has them all.
"""

from __future__ import annotations

import secrets
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import grpc
import requests
import yaml
from kombu.connection import Connection

from tests.calling import Rpc
from tests.deploy.image import PROJECT
from tests.deploy.servers import _process
from tests.metrics import scraped
from tests.needs import program
from tests.relaying import running_relay
from tests.running import database_of_its_own, free_port, run_python, running_stockroom
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.running import RunningServer

PATIENCE = 60.0  # seconds
WORKER = [
    *("-m", "celery", "--quiet", "--app=config", "worker", "--concurrency=2"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat"),
]
TASKS = """
from config.celery import app
app.conf.broker_connection_timeout = 30  # a busy broker may take long to open a new virtual host
for name in ("inventory.tasks.expire_reservations", "inventory.tasks.verify_ledger"):
    app.send_task(name)
"""


@contextmanager
def observed_stockroom(folder: Path, broker_url: str) -> Iterator[RunningServer]:
    """All processes, after a sale, a refusal, a hold, a call, a webhook, a task and a message."""
    settings: dict[str, Any] = {
        "PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics"),
        "CELERY_BROKER_URL": broker_url,
        "WEBHOOK_RETRY_SECONDS": "0,0",
        "WEB_CONCURRENCY": "2",
        "GRPC_PORT": str(free_port()),
    }
    with ExitStack() as running:
        database = running.enter_context(database_of_its_own())
        # What is no replica is not read from; but lists are counted once one is named.
        settings |= {"DATABASE_URL": database, "DATABASE_REPLICA_URL": database}
        server = running.enter_context(running_stockroom(folder, **settings))
        for name, command in {
            "grpc": ["manage.py", "grpcserver"],
            "relay": ["manage.py", "relay"],
            "projector": ["manage.py", "projector"],
            "consumer": ["manage.py", "consume"],
            "worker": WORKER,
        }.items():
            log = folder / f"{name}.log"
            running.enter_context(running_relay(server.environment, log, *command))
        consumer = folder / "consumer.log"
        wait_until(lambda: "consumer_started" in consumer.read_text(), PATIENCE)
        let_everything_happen(server, broker_url)
        yield server


def let_everything_happen(server: RunningServer, broker_url: str) -> None:
    receiver = {"url": f"http://127.0.0.1:{free_port()}/", "event_types": ["stock.changed"]}
    ask(server, "POST", "webhook-endpoints", receiver)
    product = stocked(server)
    key = {"Idempotency-Key": secrets.token_hex(8)}
    for _time in range(2):
        ask(server, "PATCH", f"inventory/{product['id']}", {"quantity_delta": -1}, headers=key)
        ask(server, "GET", f"products/{product['id']}")
    ask(server, "PATCH", f"inventory/{product['id']}", {"quantity_delta": -1000}, refused=True)
    lines = [{"sku": product["attributes"]["sku"], "quantity": 1}]
    ask(server, "POST", "reservations", {"order_reference": "ORDER-1", "lines": lines})
    ask(server, "GET", "products")
    call(server)
    run_python(["-c", TASKS], server.environment)
    with Connection(broker_url) as connection:
        producer = connection.Producer()
        producer.publish(b"not a message", exchange="", routing_key="stockroom.commands")


def stocked(server: RunningServer) -> Any:
    described = {"sku": f"MUG-{secrets.token_hex(4)}", "name": "Mug", "price": 9.99}
    described["description"] = "Holds tea"
    product = ask(server, "POST", "products", described)["data"]
    ask(server, "POST", "inventory", {"product_id": product["id"], "quantity": 10})
    return product


def ask(
    server: RunningServer,
    method: str,
    path: str,
    body: Any = None,
    *,
    refused: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Any:
    answer = requests.request(
        method,
        f"{server.base_url}/api/v1/{path}",
        json=body,
        headers={"X-API-Key": server.api_key, **(headers or {})},
        timeout=30,
    )
    assert answer.ok != refused, answer.text
    return answer.json()


def call(server: RunningServer) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{server.environment['GRPC_PORT']}") as channel:
        grpc.channel_ready_future(channel).result(PATIENCE)
        rpc = Rpc(channel, server.api_key)
        rpc("products.v1", "ListProducts", size=1)
        rpc.refused("products.v1", "GetProduct", product_id="none")


def labels_told(server: RunningServer) -> Mapping[str, frozenset[str]]:
    """The labels of every figure of a scrape, by its name; Prometheus adds two to each."""
    found: dict[str, frozenset[str]] = {}
    for sample in scraped(server).samples:
        found[sample.name] = found.get(sample.name, frozenset({"job", "instance"})) | set(
            sample.labels
        )
    return found


def wait_for(server: RunningServer, metrics: set[str]) -> Mapping[str, frozenset[str]]:
    """The labels of every figure, once all of these are among them, or after a minute."""
    with suppress(AssertionError):
        wait_until(lambda: metrics <= set(labels_told(server)), PATIENCE)
    return labels_told(server)


@contextmanager
def prometheus(server: RunningServer, folder: Path) -> Iterator[str]:
    """One that asks this server every second and goes by our rules; yields its address."""
    port, web = free_port(), server.base_url.removeprefix("http://")
    configuration = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(PROJECT / "deploy/prometheus/rules.yml")],
        "scrape_configs": [{"job_name": "web", "static_configs": [{"targets": [web]}]}],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))
    command = [
        program("prometheus"),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'series'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with _process(command, folder / "prometheus.log"):
        yield f"http://127.0.0.1:{port}"


def queried(address: str, expression: str) -> list[Any]:
    """The answer to an expression, as a dashboard would ask for it. Raises where it is wrong."""
    asked = {"query": expression.replace("$__rate_interval", "1m")}
    answer = requests.get(f"{address}/api/v1/query", params=asked, timeout=10)
    assert answer.ok, answer.text
    found: list[Any] = answer.json()["data"]["result"]
    return found
