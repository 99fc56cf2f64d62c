"""The receiver for newcomers: it verifies, it counts twice what comes twice, it cleans up."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
import requests
from django.core.management import CommandError, call_command

from common.webhooks.management.sink import Receiver, SinkServer
from common.webhooks.models import WebhookEndpoint
from common.webhooks.posting import post
from common.webhooks.rules import new_secret
from common.webhooks.sending import send
from tests.common.webhooks.rows import an_endpoint, deliveries_to
from tests.running import BARE, PROJECT
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.running import RunningServer


@pytest.fixture
def signed(db, monkeypatch):
    """The secret, the headers and the body of a webhook."""
    sent = []
    monkeypatch.setattr("common.webhooks.sending.post", lambda *request: sent.append(request))
    endpoint = an_endpoint()
    send(deliveries_to(endpoint)[0])
    ((_, headers, body),) = sent
    return endpoint.secret, headers, body


def receiver(secret: str, fail: float = 0.0) -> tuple[Receiver, list[str]]:
    lines: list[str] = []
    made = Receiver(say=lines.append, fail=fail)
    made.secret = secret
    return made, lines


def test_it_says_what_came_and_that_it_knows_it_already(signed):
    secret, headers, body = signed
    sink, lines = receiver(secret)
    assert [sink.receive(headers, body) for _ in range(2)] == [200, 200]
    assert [line.split("  ")[-1] for line in lines] == ["verified", "verified, a duplicate"]
    assert lines[0].split()[1:3] == ["1", "thing.happened"]
    assert "things/" in lines[0]


def test_it_refuses_what_stockroom_did_not_sign(signed):
    _, headers, body = signed
    sink, lines = receiver(new_secret())
    assert sink.receive(headers, body) == 400
    assert sink.receive({}, b"") == 400
    assert all("refused" in line for line in lines)


def test_it_fails_as_often_as_it_was_told(signed):
    secret, headers, body = signed
    sink, lines = receiver(secret, fail=1)
    assert sink.receive(headers, body) == 500
    assert lines[0].endswith("verified, answered 500")
    sink, _ = receiver(secret, fail=0.33)
    answers = [sink.receive(headers, body) for _ in range(1_000)]
    assert 230 < answers.count(500) < 430


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--fail", "1.5"], "0 to 1"), (["--port", "99999"], "cannot be opened")],
    ids=["share", "port"],
)
@pytest.mark.django_db
def test_what_it_cannot_do_it_says(arguments, words):
    with pytest.raises(CommandError, match=words):
        call_command("webhook_sink", *arguments)
    assert not WebhookEndpoint.objects.exists()


@pytest.mark.django_db
def test_it_is_for_developers_alone(settings):
    settings.DEVELOPMENT = False
    with pytest.raises(CommandError, match="developer"):
        call_command("webhook_sink")


@contextmanager
def running(server: RunningServer, log: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A ``manage.py`` command beside a running Stockroom, until it is told to stop."""
    environment = {**server.environment, **BARE}
    environment.pop("WEBHOOK_ALLOW_PRIVATE", None)
    if "relay" in arguments:
        environment["WEBHOOK_ALLOW_PRIVATE"] = "1"  # as `make run` does
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT,
            env={**os.environ, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_beside_a_running_stockroom_it_shows_what_happens_and_takes_its_endpoint_along(
    running_server, tmp_path, number
):
    log = tmp_path / "sink.log"
    with (
        running(running_server, log, "webhook_sink", "--port", "0", "--fail", "0") as sink,
        running(running_server, tmp_path / "relay.log", "relay"),
    ):
        url = wait_until(lambda: re.search(r"Listening on (\S+)", log.read_text()), 60)[1]
        assert url in urls(running_server)
        product_id = make_a_product(running_server)
        wait_until(lambda: f"products/{product_id}  verified" in log.read_text(), 60)
        sink.send_signal(number)
        assert sink.wait(30) == 0
    assert url not in urls(running_server)
    assert "Traceback" not in log.read_text()


def urls(server: RunningServer) -> list[str]:
    """Those of the endpoints that there are."""
    answer = called(server, "get", "webhook-endpoints")
    return [endpoint["attributes"]["url"] for endpoint in answer["data"]]


def make_a_product(server: RunningServer) -> str:
    facts = {"name": "Mug", "description": "Blue.", "price": "1.00"}
    document = {"data": {"type": "products", "attributes": facts}}
    return called(server, "post", "products", json=document)["data"]["id"]


def called(server: RunningServer, method: str, path: str, **more: Any) -> Any:
    answer = requests.request(
        method,
        f"{server.base_url}/api/v1/{path}",
        headers={"X-API-Key": server.api_key, "Content-Type": "application/vnd.api+json"},
        timeout=10,
        **more,
    )
    assert answer.ok, answer.text
    return answer.json()


def test_it_is_an_http_server_for_the_sender(signed):
    """As it listens, it takes what ``post`` sends."""
    secret, headers, body = signed
    sink, _ = receiver(secret)
    with SinkServer(0, sink) as server:
        thread = Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        assert post(server.url, headers, body).status_code == 200
        server.shutdown()
        thread.join()
