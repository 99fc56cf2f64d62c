"""`make run`, as its user sees it: what it prints, what it survives, what it leaves behind."""

import dataclasses
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import grpc
import psutil
import pytest

from config import embedded, supervisor
from config.embedded.postgres import Postgres
from config.embedded.redis import Redis
from config.environment import VARIABLES
from config.locks import is_locked
from tests.running import BARE, free_port
from tests.waiting import wait_until

PROJECT = Path(__file__).resolve().parents[2]
START_TIMEOUT = 60.0
STOP_TIMEOUT = 15.0
RESTART_TIMEOUT = 5.0  # the promise, and for the web server the time it takes to load

NAMES = {
    "web": "gunicorn",
    "beat": "--app=config beat",
    "worker": "--app=config worker",
    "relay": "manage.py relay",
    "projector": "manage.py projector",
    "grpc": "manage.py grpcserver",
}


class Stockroom:
    """One `python -m config.supervisor` with a data directory and a port of its own."""

    def __init__(self, data_dir, **settings):
        self.data_dir = data_dir
        self.port = free_port()
        nothing_set = dict.fromkeys(VARIABLES, "")
        self.grpc_port = free_port()
        ports = {"PORT": str(self.port), "GRPC_PORT": str(self.grpc_port)}
        own = {"DATA_DIR": str(data_dir), **ports, **settings}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "config.supervisor"],
            cwd=PROJECT,
            env=os.environ | nothing_set | BARE | own,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines = []
        self.reader = threading.Thread(target=self._read, args=(self.process.stdout,))
        self.reader.start()

    def _read(self, output):
        with output:
            for line in output:
                self.lines.append(line)

    @property
    def output(self):
        return "".join(self.lines)

    def wait_for(self, text):
        def printed_or_ended():
            return text in self.output or self.process.poll() is not None

        wait_until(printed_or_ended, START_TIMEOUT)
        assert text in self.output, self.output

    def fetch(self, path, headers=None):
        """The status and the body of one answer."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=5)) as connection:
            connection.request("GET", path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()

    def answers(self):
        try:
            return self.fetch("/health")[0] == 200
        except (OSError, HTTPException):
            return False

    def processes(self):
        """Every process that inherited our data directory; the servers proper did not."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def _is_ours(self, process):
        try:
            return process.environ().get("DATA_DIR") == str(self.data_dir)
        except psutil.Error:  # ended, a zombie, or of another user
            return False

    def child(self, name):
        """The first process of web, beat or worker, without its descendants."""
        named = (process for process in self.processes() if self._is_child(process, name))
        return next(named, None)

    def _is_child(self, process, name):
        try:
            return process.ppid() == self.process.pid and NAMES[name] in " ".join(process.cmdline())
        except psutil.Error:  # it ended while we looked
            return False

    def runs_something(self):
        servers = (Postgres(self.data_dir), Redis(self.data_dir))
        locked = [is_locked(server.lock) for server in servers if server.folder.exists()]
        return any(locked) or self.processes() != []

    def refusal(self):
        """What it says when it ends by itself because it cannot start."""
        assert self.process.wait(START_TIMEOUT) == 1
        self.end()
        return self.output

    def end(self, number=signal.SIGTERM):
        """Stop it like a user and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(STOP_TIMEOUT)
        self.reader.join(STOP_TIMEOUT)
        assert not self.reader.is_alive(), [left.cmdline() for left in self.processes()]
        return code


@contextmanager
def stockroom(data_dir, **settings):
    running = Stockroom(data_dir, **settings)
    try:
        yield running
    finally:
        running.end()
        embedded.remove(data_dir)


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """A Stockroom that is up, for tests that leave it so."""
    with stockroom(tmp_path_factory.mktemp("ready") / "data") as running:
        running.wait_for("Stop ")
        yield running


@pytest.mark.slow
def test_it_tells_where_everything_is_and_its_first_command_works(ready):
    ((key, host, path),) = re.findall(
        r'curl -H "X-API-Key: (\S+)" http://(\S+?)(/\S+)', ready.output
    )
    assert host == f"127.0.0.1:{ready.port}"
    status, body = ready.fetch(path, {"X-API-Key": key})
    assert (status, json.loads(body)["data"] != []) == (200, True)
    assert f"demo / {(ready.data_dir / 'demo_staff_password').read_text().strip()}" in ready.output


@pytest.mark.slow
def test_grpc_answers_by_the_time_that_it_is_told_of(ready):
    (key,) = re.findall(r"API key +(\S+)", ready.output)
    assert f"gRPC         127.0.0.1:{ready.grpc_port}" in ready.output
    listing = "/products.ProductsService/ListProducts"
    with grpc.insecure_channel(f"127.0.0.1:{ready.grpc_port}") as channel:
        assert channel.unary_unary(listing)(b"", metadata=(("x-api-key", key),), timeout=10)


def test_who_names_no_port_for_grpc_does_without_when_another_has_it(monkeypatch, capsys):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        usual = dataclasses.replace(VARIABLES["GRPC_PORT"], default=str(port))
        monkeypatch.setitem(VARIABLES, "GRPC_PORT", usual)
        monkeypatch.setenv("GRPC_PORT", "")
        supervisor._settle_grpc_port()
        assert os.environ["GRPC_PORT"] == "0"
        assert f"GRPC_PORT {port} cannot be opened" in capsys.readouterr().out
        monkeypatch.setenv("GRPC_PORT", str(port))
        with pytest.raises(SystemExit, match=f"GRPC_PORT {port} cannot be opened"):
            supervisor._settle_grpc_port()
        monkeypatch.setenv("PORT", str(port))
        with pytest.raises(SystemExit, match="the same"):
            supervisor._settle_grpc_port()


def test_without_a_port_there_is_no_grpc(monkeypatch):
    for port, is_there in (("0", False), ("50051", True)):
        monkeypatch.setenv("GRPC_PORT", port)
        assert ("grpc" in [child.name for child in supervisor._children()]) is is_there


@pytest.mark.slow
def test_every_part_works_with_no_more_than_is_installed_for_a_run(ready):
    wait_until(lambda: re.search(r"celery@\S+ ready", ready.output))
    wait_until(lambda: "beat: Starting" in ready.output)
    status, body = ready.fetch("/ready")
    assert (status, json.loads(body)["checks"]["broker"]["status"]) == (200, "healthy")


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_child_that_dies_is_started_again(ready, name):
    victim = wait_until(lambda: ready.child(name))
    victim.kill()

    def is_replaced():
        replacement = ready.child(name)
        return replacement is not None and replacement.pid != victim.pid

    wait_until(is_replaced, RESTART_TIMEOUT)
    wait_until(ready.answers)
    assert f"{name} was killed by SIGKILL" in ready.output


@pytest.mark.slow
@pytest.mark.parametrize("kind", [Postgres, Redis])
def test_a_server_that_dies_is_started_again(ready, kind):
    server = kind(ready.data_dir)
    victim = process_number(server)
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: process_number(server) not in (victim, None), RESTART_TIMEOUT)
    wait_until(server.is_ready)


def process_number(server):
    try:
        return int(server.pid_file.read_text().split()[0])
    except (FileNotFoundError, IndexError):  # none is running, or it has just begun
        return None


def total(running, name):
    """The sum of a figure over all its labels, as the web server tells it."""
    try:
        text = running.fetch("/metrics")[1].decode()
    except (OSError, HTTPException):  # it is the one that was killed
        return 0.0
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.M))


@pytest.mark.slow
def test_its_metrics_are_those_of_all_children_and_go_on_when_they_die(ready):
    tasks, requests = "celery_task_duration_seconds_count", "http_request_duration_seconds_count"
    wait_until(lambda: total(ready, "duty_last_run_timestamp_seconds"), START_TIMEOUT)
    wait_until(lambda: total(ready, tasks) >= 1, START_TIMEOUT)  # beat plans some every ten seconds
    assert (ready.data_dir / "beat.heartbeat").is_file()
    ready.fetch("/api/v1/products")
    done, answered = total(ready, tasks), total(ready, requests)
    assert answered >= 1
    for name in ("worker", "web", "relay"):  # all who count
        os.killpg(ready.child(name).pid, signal.SIGKILL)
    wait_for_more(ready, tasks, done)
    wait_until(ready.answers, START_TIMEOUT)
    ready.fetch("/api/v1/products")
    wait_for_more(ready, requests, answered)


def wait_for_more(running, name, before):
    """Fails with what it found, and with what the processes said last."""
    try:
        wait_until(lambda: total(running, name) > before, START_TIMEOUT)
    except AssertionError:
        files = sorted(file.name for file in (running.data_dir / "metrics").iterdir())
        said = "".join(running.lines[-30:])
        pytest.fail(f"{name}: {total(running, name)}, was {before}; {files}\n{said}")


@pytest.mark.slow
def test_a_second_one_runs_beside_it_and_stops_alone(ready, tmp_path):
    with stockroom(tmp_path / "data", DEMO="0") as second:
        second.wait_for("Stop ")
        assert second.answers()
        assert second.end(signal.SIGINT) == 0
        assert not second.runs_something()
    assert ready.answers()


@pytest.mark.slow
def test_the_same_data_directory_cannot_be_used_twice(ready):
    second = Stockroom(ready.data_dir)
    assert re.fullmatch(r"DATA_DIR .* is in use .*\n", second.refusal())


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_stop_it_leaves_nothing_behind(tmp_path, number):
    with stockroom(tmp_path / "data", DEMO="0") as running:
        running.wait_for("Stop ")
        assert running.end(number) == 0
        assert not running.runs_something()


@pytest.mark.slow
def test_asked_to_stop_while_it_starts_it_leaves_nothing_behind(tmp_path):
    with stockroom(tmp_path / "data", DEMO="0") as running:
        running.wait_for("Stockroom is starting")
        assert running.end() == 0
        assert not running.runs_something()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of a killed parent")
def test_killed_it_takes_everything_along_and_can_start_again(tmp_path):
    with stockroom(tmp_path / "data", DEMO="0") as running:
        running.wait_for("Stop ")
        running.process.kill()
        wait_until(lambda: not running.runs_something(), STOP_TIMEOUT)
    with stockroom(tmp_path / "data", DEMO="0") as again:
        again.wait_for("Stop ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("BIND", "203.0.113.1"),  # an address for documentation, of no machine
        ("WEB_CONCURRENCY", "0"),
        ("WEB_THREADS", "-1"),
        ("DEMO", "perhaps"),
        ("DATA_DIR", "/dev/null/data"),
        ("DATABASE_URL", "sqlite:///stock.db"),
    ],
)
@pytest.mark.slow
def test_a_wrong_setting_is_one_sentence_that_names_the_variable(tmp_path, name, value):
    refused = Stockroom(tmp_path / "data", **{name: value})
    assert re.fullmatch(rf"{name} .*\.\n", refused.refusal())


@pytest.mark.slow
def test_a_taken_port_is_one_sentence_that_names_it(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = Stockroom(tmp_path / "data", PORT=port).refusal()
    assert refused == f"PORT {port} cannot be opened: Address already in use.\n"
