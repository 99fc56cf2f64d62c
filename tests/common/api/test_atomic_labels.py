"""Atomic documents: under which labels they go in and out, and who may send them."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import User
from django.test import Client

from common.access.scopes import ALL_SCOPES
from products.models import Category
from tests.api_client import JSON, JSON_API, ApiClient
from tests.common.api.atomic import (
    ATOMIC,
    OPERATIONS,
    add,
    carry_out,
    refusal,
    remove,
    results,
)

pytestmark = pytest.mark.django_db

MUGS = add("categories", {"name": "Mugs"})
NOBODY = "01900000-0000-7000-8000-000000000000"
MIXED = (
    f'{JSON_API};ext="https://jsonapi.org/ext/atomic https://example.com/x"',
    f'{JSON_API};ext="https://example.com/x"',
    f'{JSON_API};ext=""',
    f"{ATOMIC};charset=utf-8",
    JSON_API,
    "text/plain",
)

# Labels


@pytest.mark.parametrize(
    "content_type",
    [
        ATOMIC,
        ATOMIC.replace("; ", ";"),
        f'{ATOMIC}; profile="https://example.com/p"',
        ATOMIC.replace("vnd.api", "VND.API"),
        JSON,
    ],
)
def test_a_document_names_the_extension_or_is_plain(client, content_type):
    assert len(results(carry_out(client, MUGS, content_type=content_type))) == 1


@pytest.mark.parametrize("content_type", MIXED)
def test_under_another_label_it_is_not_read(client, content_type):
    answer = carry_out(client, MUGS, content_type=content_type)
    assert answer.status_code == 415
    assert answer.json()["errors"][0]["source"] == {"header": "Content-Type"}
    assert not Category.objects.exists()


def test_elsewhere_the_extension_is_unknown(client):
    body = {"data": {"type": "categories", "attributes": {"name": "Mugs"}}}
    assert client.post("/api/v1/categories", body, ATOMIC).status_code == 415
    assert client.get("/api/v1/categories", headers={"Accept": ATOMIC}).status_code == 406


@pytest.mark.parametrize(
    ("accept", "label"),
    [
        (ATOMIC, ATOMIC),
        ("*/*", ATOMIC),
        ("application/*", ATOMIC),
        (JSON_API, ATOMIC),
        (f"{MIXED[0]}, {ATOMIC}", ATOMIC),
        (JSON, JSON),
        (f"{MIXED[0]}, {JSON};q=0.1", JSON),
    ],
)
def test_the_answer_names_the_extension_too(client, accept, label):
    answer = carry_out(client, MUGS, Accept=accept)
    assert (answer.status_code, answer["Content-Type"]) == (200, label)


@pytest.mark.parametrize("accept", [MIXED[0], MIXED[1], MIXED[3], "text/html", "image/png"])
def test_an_answer_in_another_form_is_not_given(client, accept):
    assert carry_out(client, MUGS, Accept=accept).status_code == 406
    assert not Category.objects.exists()


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE", "PUT"])
def test_operations_are_posted(client, method):
    answer = client.generic(method, OPERATIONS)
    assert (answer.status_code, answer["Allow"]) == (405, "POST")


def test_the_address_takes_no_parameters(client):
    body = json.dumps({"atomic:operations": [MUGS]})
    answer = client.post(f"{OPERATIONS}?include=parent", body, ATOMIC)
    assert answer.json()["errors"][0]["source"] == {"parameter": "include"}
    assert client.post(f"{OPERATIONS}/", body, ATOMIC).status_code == 200


# Who may send them


def test_nobody_sends_operations_without_a_key():
    assert carry_out(ApiClient("unknown"), MUGS).status_code == 401
    assert carry_out(Client(), MUGS).status_code == 401


def test_each_operation_needs_its_own_scope_before_anything_is_done(api_client):
    catalogue = api_client("products:write")
    far = add("locations", {"code": "far", "name": "Far"})
    answer = carry_out(catalogue, MUGS, far)
    assert refusal(answer) == (403, "permission_denied", "/atomic:operations/1")
    assert "inventory:write" in answer.json()["errors"][0]["detail"]
    assert not Category.objects.exists()
    assert carry_out(catalogue, MUGS).status_code == 200


def test_staff_need_the_permission_of_each_operation():
    browser = Client()
    browser.force_login(User.objects.create_user("ada", is_staff=True))
    assert refusal(carry_out(browser, MUGS)) == (
        403,
        "permission_denied",
        "/atomic:operations/0",
    )


def test_every_operation_counts_against_the_quota(api_client):
    client = api_client(*ALL_SCOPES, quota=5)
    answer = carry_out(client, *[MUGS | {}] * 2, *[remove("categories", NOBODY)] * 2)
    assert answer["RateLimit"].startswith('"default";r=1;')
    answer = carry_out(client, MUGS, MUGS)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (429, "throttled")
    assert int(answer["Retry-After"]) > 0


def test_more_operations_than_any_minute_has_are_refused_and_cost_nothing(api_client):
    """Waiting would not help; what is left of the minute is for others."""
    client = api_client(*ALL_SCOPES, quota=5)
    answer = carry_out(client, *[MUGS] * 6)
    assert refusal(answer) == (413, "payload_too_large", "/atomic:operations")
    assert "Retry-After" not in answer
    assert answer["RateLimit"].startswith('"default";r=4;')
    assert carry_out(client, MUGS, MUGS, MUGS, MUGS).status_code == 409  # one name, four times


def test_as_many_operations_as_a_minute_has_are_let_in(api_client):
    client = api_client(*ALL_SCOPES, quota=3)
    names = [add("categories", {"name": name}) for name in ("Mugs", "Cups", "Jugs")]
    assert carry_out(client, *names).status_code == 200


def test_who_has_no_quota_sends_what_a_document_takes(api_client):
    client = api_client(*ALL_SCOPES, quota=0)
    assert carry_out(client, MUGS, add("categories", {"name": "Cups"})).status_code == 200
