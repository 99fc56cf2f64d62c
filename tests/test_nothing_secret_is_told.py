"""Neither the log nor an answer repeats what only the sender should know (RULES K4)."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

import pytest
import requests

from tests.running import running_stockroom

if TYPE_CHECKING:
    from tests.running import RunningServer

pytestmark = pytest.mark.slow

FIELD = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One whose log nobody else writes to, and writes as much as it can."""
    with running_stockroom(tmp_path_factory.mktemp("talking"), LOG_LEVEL="DEBUG") as server:
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


def test_not_in_an_answer(server, told):
    found, answers = told
    texts = [f"{answer.text}\n{dict(answer.headers)}" for answer in answers]
    sent_back = [one for one in found[:-1] if any(one in text for text in texts)]
    assert sent_back == []
    settings = [server.environment["DATABASE_URL"], server.environment["REDIS_URL"]]
    assert [one for one in settings if any(one in text for text in texts)] == []
