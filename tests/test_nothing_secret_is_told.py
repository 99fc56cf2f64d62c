"""Neither log, span nor answer repeats what only the sender should know (RULES K4)."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

import pytest
import requests

from tests.collecting import collecting
from tests.common.webhooks.sinks import sink
from tests.relaying import running_relay
from tests.running import running_stockroom
from tests.waiting import wait_until

if TYPE_CHECKING:
    from tests.common.webhooks.sinks import Sink
    from tests.running import RunningServer

pytestmark = pytest.mark.slow

FIELD = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


@pytest.fixture(scope="module")
def collector():
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def server(tmp_path_factory, collector):
    """One whose log nobody else writes to, and writes as much as it can; it is traced, too."""
    talking = {
        "LOG_LEVEL": "DEBUG",
        "AND_LISTS": "requirements-traces.txt",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    with running_stockroom(tmp_path_factory.mktemp("talking"), **talking) as server:
        yield server


@pytest.fixture(scope="module")
def told(server):
    """All answers to requests that carry secrets in every place, and the secrets."""
    scopes = ["--scope", "products:read", "products:write"]
    key = server.manage("create_api_key", "shop", *scopes)
    guess = secrets.token_urlsafe()
    answers = [
        requests.request(method, f"{server.base_url}{path}", timeout=30, **request)
        for method, path, request in everywhere(key) + everywhere(f"{key[:-1]}?")
    ]
    assert {answer.status_code for answer in answers} >= {200, 400, 401, 415, 422}
    webhook, at_webhook = webhook_of(server)
    browser, wrong = logged_in(server, "wrong", guess)
    assert "Log in" in wrong.text
    password = secrets.token_urlsafe()
    make = "from django.contrib.auth.models import User; User.objects.create_superuser"
    server.manage("shell", "-c", f"{make}('ada', password={password!r})")
    browser, right = logged_in(server, "ada", password)
    assert right.url.endswith("/admin/")
    found = [key, server.api_key, guess, password, webhook, browser.cookies["sessionid"]]
    return found, [*answers, *at_webhook, wrong, right]


def webhook_of(server: RunningServer) -> tuple[str, list[requests.Response]]:
    """The secret of an endpoint, and what is answered of it after the one time that tells it."""
    header = {"X-API-Key": server.api_key}
    endpoints = f"{server.base_url}/api/v1/webhook-endpoints"
    wanted = {"url": "https://example.com/"}
    made = requests.post(endpoints, json=wanted, headers=header, timeout=30).json()["data"]
    own = made["links"]["self"]
    changes = {"secret": made["attributes"]["secret"], "description": "The shop"}
    return made["attributes"]["secret"], [
        requests.get(endpoints, headers=header, timeout=30),
        requests.get(own, headers=header, timeout=30),
        requests.patch(own, json=changes, headers=header, timeout=30),
        requests.patch(own, json={"secret": "whsec_mine"}, headers=header, timeout=30),
        requests.post(f"{own}/test", headers=header, timeout=30),
    ]


def everywhere(key: str) -> list[tuple[str, str, dict]]:
    """Requests with this key where it belongs, and where people put it by mistake."""
    products, header = "/api/v1/products", {"X-API-Key": key}
    return [
        ("GET", products, {"headers": header}),
        ("GET", products, {"params": {"api_key": key}, "headers": header}),
        ("GET", products, {"params": {"filter[name]": key}}),
        ("GET", products, {"headers": {"Authorization": f"Bearer {key}"}}),
        ("GET", f"{products}/00000000-0000-7000-8000-000000000000", {"headers": header}),
        ("POST", products, {"headers": header, "json": {"name": "", "api_key": "?"}}),
        ("POST", products, {"headers": header, "data": b"{"}),
        ("POST", products, {"headers": header | {"Content-Type": "text/plain"}, "data": b"x"}),
        ("POST", products, {"headers": header | {"Idempotency-Key": "a,b"}, "json": {}}),
        ("GET", "/admin/", {"headers": header, "cookies": {"sessionid": "x"}}),
        ("GET", "/ready", {"headers": header}),
    ]


def logged_in(
    server: RunningServer, name: str, password: str
) -> tuple[requests.Session, requests.Response]:
    browser, address = requests.Session(), f"{server.base_url}/admin/login/"
    token = FIELD.search(browser.get(address, timeout=30).text)
    assert token
    form = {"username": name, "password": password, "csrfmiddlewaretoken": token[1]}
    answer = browser.post(address, {**form, "next": "/admin/"}, timeout=30)
    return browser, answer


def test_not_in_the_log(server, told):
    found, answers = told
    log = server.log.read_text()
    assert log.count('"event":"request"') >= len(answers), "the log is not where it was"
    assert [secret for secret in found if secret in log] == []


def test_not_in_a_span(server, told, collector, tmp_path):
    found, answers = told
    settings = [server.environment["DATABASE_URL"], server.environment["REDIS_URL"]]
    with sink() as receiver, running_relay(server.environment, tmp_path / "relay.log"):
        secrets_of_hook = delivered(server, receiver)
    wait_until(lambda: sum(one.kind == "server" for one in collector.spans) >= len(answers))
    names = [span.name for span in collector.spans]
    assert any(name.startswith("deliver ") for name in names), names
    assert any(name.startswith("UPDATE ") for name in names), names
    spans = b"".join(collector.bodies)
    wanted = [*found, *settings, *secrets_of_hook, server.environment["API_KEY"]]
    assert [secret for secret in wanted if secret.encode() in spans] == []
    assert b"/api/v1/products" in spans, "they cannot be read: this proves nothing"
    assert b"filter[name]" not in spans
    assert b"api_key=" not in spans


def delivered(server: RunningServer, receiver: Sink) -> list[str]:
    """What only the receiver of a webhook should know: its secret, and where it listens."""
    header = {"X-API-Key": server.api_key}
    endpoints = f"{server.base_url}/api/v1/webhook-endpoints"
    made = requests.post(endpoints, json={"url": receiver.url}, headers=header, timeout=30).json()
    own = made["data"]["links"]["self"]
    assert requests.post(f"{own}/test", headers=header, timeout=30).ok
    (signed,) = receiver.wait_for(1, timeout=30)
    signature = signed.headers["webhook-signature"]
    return [made["data"]["attributes"]["secret"], signature, "/hooks?of=shop"]


def test_not_in_an_answer(server, told):
    found, answers = told
    texts = [f"{answer.text}\n{dict(answer.headers)}" for answer in answers]
    sent_back = [one for one in found[:-1] if any(one in text for text in texts)]
    assert sent_back == []
    settings = [server.environment["DATABASE_URL"], server.environment["REDIS_URL"]]
    assert [one for one in settings if any(one in text for text in texts)] == []
