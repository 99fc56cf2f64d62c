"""What the image's HEALTHCHECK finds out about a web server."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from config import health_check


@contextmanager
def web_server(answer):
    """Answers every request with this status."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(answer if self.path == "/health" else 404)
            self.end_headers()

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
