"""What the image's HEALTHCHECK finds out about a web server."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from time import time

import pytest

from common.rpc.server import Server
from config import health_check, heartbeat


@contextmanager
def web_server(answer, body=b""):
    """Answers every request with this status."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(answer if self.path == "/health" else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        yield server.server_port
        thread.join()


@pytest.fixture
def at_port(monkeypatch):
    monkeypatch.setenv("BIND", "0.0.0.0")  # noqa: S104 - as in the image
    return lambda port: monkeypatch.setenv("PORT", str(port))


def test_a_web_server_that_says_so_is_healthy(at_port):
    with web_server(200) as port:
        at_port(port)
        health_check.main()


def test_one_that_fails_is_not(at_port):
    with web_server(500) as port:
        at_port(port)
        with pytest.raises(SystemExit, match="status 500"):
            health_check.main()


def test_neither_is_one_that_is_not_there(at_port):
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        at_port(nobody.getsockname()[1])
    with pytest.raises(SystemExit, match="does not answer"):
        health_check.main()


def test_nor_one_that_stays_silent(at_port, monkeypatch):
    monkeypatch.setattr(health_check, "PATIENCE", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        at_port(silent.getsockname()[1])
        with pytest.raises(SystemExit, match="does not answer"):
            health_check.main()


@pytest.fixture
def at_metrics_port(monkeypatch):
    monkeypatch.setenv("BIND", "0.0.0.0")  # noqa: S104 - as in the image
    return lambda port: monkeypatch.setenv("METRICS_PORT", str(port))


def test_duties_that_are_done_are_healthy(at_metrics_port):
    with web_server(200) as port:
        at_metrics_port(port)
        health_check.main("duties")


def test_those_that_stand_still_are_named(at_metrics_port):
    with web_server(503, b'{"standing_still": ["number", "publish"]}') as port:
        at_metrics_port(port)
        with pytest.raises(SystemExit, match="stand still: number, publish"):
            health_check.main("duties")


def test_a_process_that_tells_nothing_of_its_duties_is_not_healthy(at_metrics_port):
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        at_metrics_port(nobody.getsockname()[1])
    with pytest.raises(SystemExit, match="Nobody answers on METRICS_PORT"):
        health_check.main("duties")


@pytest.fixture
def heartbeat_of(tmp_path, monkeypatch):
    """A heartbeat so many seconds ago; none at all of None."""

    def beat(seconds):
        monkeypatch.setattr(heartbeat, "FILE", tmp_path / "beat")
        if seconds is not None:
            heartbeat.touch()
            then = time() - seconds
            os.utime(heartbeat.FILE, (then, then))

    return beat


def test_beat_is_healthy_while_it_sends(heartbeat_of):
    heartbeat_of(30)
    health_check.main("beat")


@pytest.mark.parametrize("seconds", [90, None])
def test_beat_that_sends_nothing_is_not(heartbeat_of, seconds):
    heartbeat_of(seconds)
    with pytest.raises(SystemExit, match="sent nothing for a minute"):
        health_check.main("beat")


@pytest.mark.slow
def test_beat_may_wait_for_its_broker(heartbeat_of, monkeypatch):
    heartbeat_of(90)
    monkeypatch.setattr(health_check, "PATIENCE", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"amqp://127.0.0.1:{silent.getsockname()[1]}//"
        monkeypatch.setenv("CELERY_BROKER_URL", address)
        health_check.main("beat")


def test_grpc_is_asked_by_its_own_health_service(monkeypatch):
    server = Server("127.0.0.1:0", threads=1)
    monkeypatch.setenv("BIND", "127.0.0.1")
    monkeypatch.setenv("GRPC_PORT", str(server.port))
    server.start()
    server.tell_health(is_well=False)  # the database's trouble is no reason to replace it
    health_check.main("grpc")
    server.stop(0)
    with pytest.raises(SystemExit, match="Nobody answers on GRPC_PORT"):
        health_check.main("grpc")


def test_what_is_no_grpc_server_is_told(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("GRPC_PORT", str(silent.getsockname()[1]))
        monkeypatch.setattr(health_check, "PATIENCE", 0.05)
        with pytest.raises(SystemExit, match="The gRPC server answers"):
            health_check.main("grpc")


def test_nothing_else_is_checked():
    with pytest.raises(SystemExit, match="no check of 'relay'"):
        health_check.main("relay")
