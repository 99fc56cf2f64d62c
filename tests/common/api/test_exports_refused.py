"""Exports that are not given, not to the end, or not to everybody at once."""

from __future__ import annotations

import gc
import json
from itertools import repeat
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext
from structlog.testing import capture_logs

from common.access.models import ApiKey
from common.access.verification import forget_findings
from common.api.exports import walking
from common.api.exports.sending import CutOff, Sending
from common.api.exports.walking import Piece
from tests.api_client import JSON, JSON_API
from tests.exporting import (
    EXPORTS,
    NDJSON,
    PRODUCTS,
    all_places_taken,
    assert_refused,
    exported,
    free_places,
    leave,
    small_pieces,  # noqa: F401 - a fixture
    text,
)
from tests.factories import ProductFactory

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db

# Refusals


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("page[size]", "10"),
        ("page[number]", "1"),
        ("size", "10"),
        ("page", "1"),
        ("sort", "name"),
        ("include", "category"),
        ("fields[products]", "sku,search"),
        ("fields[products]", "id"),
        ("fields[inventory]", "quantity"),
        ("filter[name]", "x"),
        ("filter[deleted_at]", "x"),
        ("filter[price][gte]", "cheap"),
        ("filter[sku]", "\x00"),
        ("colour", "red"),
    ],
)
def test_parameters_are_checked_before_anything_is_sent(client, parameter, value):
    assert_refused(client.get(PRODUCTS, {parameter: value}), 400, parameter)
    assert_refused(client.get(f"{PRODUCTS}?{parameter}=1&{parameter}=2"), 400, parameter)


def test_a_search_that_leaves_matches_out_is_refused(client, monkeypatch):
    for limit in ("MOST_RANKED", "RANKED_OF_MANY"):  # one or the other, by the statistics
        monkeypatch.setattr(f"products.searching.{limit}", 2)
    for _ in range(4):
        ProductFactory(name="Mug")
    asked = {"filter[search]": "mug"}
    assert_refused(client.get(PRODUCTS, asked), 400, "filter[search]")


@pytest.mark.parametrize("accept", ["text/html", "application/json", JSON_API, "image/png", "x"])
def test_other_forms_are_not_acceptable(client, accept):
    response = client.get(PRODUCTS, headers={"Accept": accept})
    assert_refused(response, 406)
    assert response["Content-Type"] == (JSON if accept == JSON else JSON_API)


@pytest.mark.parametrize(
    ("accept", "given"),
    [
        ("", NDJSON),
        ("*/*", NDJSON),
        ("application/*", NDJSON),
        ("text/html,*/*;q=0.8", NDJSON),
        ("text/csv;q=0.5, application/x-ndjson;q=0.4", "text/csv; charset=utf-8; header=present"),
        ("text/*", "text/csv; charset=utf-8; header=present"),
        ("TEXT/CSV; header=absent", "text/csv; charset=utf-8; header=present"),
    ],
)
def test_accept_chooses_the_form(client, accept, given):
    response = client.get(PRODUCTS, headers={"Accept": accept})
    assert response["Content-Type"] == given
    assert "Accept" in response["Vary"]
    assert "ETag" not in response
    text(response)


def test_a_proxy_is_asked_to_keep_nothing(client):
    """nginx would take in a part, then nothing until the client has it, for minutes perhaps."""
    response = client.get(PRODUCTS)
    assert response["X-Accel-Buffering"] == "no"
    text(response)


def test_the_scope_is_that_of_the_list(api_client):
    catalogue, stock = api_client("products:read"), api_client("inventory:read")
    for kind, able, unable in (
        ("products", catalogue, stock),
        ("stock-levels", stock, catalogue),
        ("stock-movements", stock, catalogue),
    ):
        assert exported(able, kind) == []
        assert_refused(unable.get(f"{EXPORTS}/{kind}"), 403)


def test_staff_need_the_permission_to_view(db):
    ada = User.objects.create_user("ada", is_staff=True)
    browser = Client()
    browser.force_login(ada)
    assert_refused(browser.get(f"{EXPORTS}/stock-movements"), 403)
    ada.user_permissions.add(Permission.objects.get(codename="view_stockmovement"))
    response = browser.get(f"{EXPORTS}/stock-movements", headers={"Accept": "text/html,*/*;q=0.8"})
    assert text(response) == ""
    assert response["Content-Disposition"] == 'attachment; filename="stock-movements.ndjson"'


def test_one_export_is_one_request_of_the_quota(api_client):
    limited = api_client("products:read", quota=2)
    response = limited.get(PRODUCTS)
    text(response)
    assert response["RateLimit"].startswith('"default";r=1;')
    text(limited.get(PRODUCTS))
    assert_refused(limited.get(PRODUCTS), 429)


@pytest.mark.parametrize("method", ["post", "patch", "delete"])
def test_an_export_is_fetched_and_nothing_else(client, method):
    response = getattr(client, method)(PRODUCTS)
    assert_refused(response, 405)
    assert response["Allow"] == "GET, HEAD"


def test_a_slash_at_the_end_changes_nothing(client):
    product = ProductFactory()
    assert [row["id"] for row in exported(client, "products/")] == [str(product.pk)]


def test_head_tells_the_same_and_reads_no_rows(client):
    ProductFactory()
    whole = client.get(PRODUCTS)
    text(whole)
    with CaptureQueriesContext(connection) as sent, all_places_taken():
        head = client.head(PRODUCTS)
    assert (head.status_code, len(sent)) == (200, 0)
    assert b"".join(head.streaming_content) == b""
    varying = {"X-Request-ID", "RateLimit"}
    assert set(head.headers) == set(whole.headers)
    assert all(head[name] == whole[name] for name in whole.headers if name not in varying)
    assert client.head(PRODUCTS, {"page[after]": "x"}).status_code == 400


@pytest.mark.usefixtures("no_redis")
def test_without_redis_rows_come_all_the_same(client):
    product = ProductFactory()
    assert [row["id"] for row in exported(client, "products")] == [str(product.pk)]


# How many at once


def test_more_at_once_than_may_be_are_asked_to_come_again(client):
    with all_places_taken():
        response = client.get(PRODUCTS)
        assert_refused(response, 429)
        assert response["Retry-After"] == "5"
        assert response.json()["errors"][0]["code"] == "throttled"
    assert exported(client, "products") == []


def test_a_place_is_free_again_however_an_export_ends(client, monkeypatch):
    ProductFactory()
    before = free_places()
    text(client.get(PRODUCTS))
    assert free_places() == before
    left = client.get(PRODUCTS)
    assert free_places() == before - 1
    leave(left)
    leave(left)
    assert free_places() == before
    kept = Sending("products", repeat(Piece(b"")))
    kept.close()  # though something may still refer to it
    assert free_places() == before
    client.get(PRODUCTS)  # and nobody closes it
    gc.collect()
    assert free_places() == before
    monkeypatch.setattr(walking.Walk, "_next", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        client.get(PRODUCTS)
    assert free_places() == before


# What goes wrong


@pytest.fixture
def session_to_lose(transactional_db) -> Iterator[None]:
    yield
    connection.close()


@pytest.mark.usefixtures("session_to_lose")
def test_a_database_that_is_away_at_first_is_told(client, monkeypatch):
    text(client.get(PRODUCTS))
    monkeypatch.setattr(walking.Walk, "_next", lambda *_: end_session())
    response = client.get(PRODUCTS)
    assert_refused(response, 503)
    assert response["Retry-After"] == "1"


def end_session():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


@pytest.mark.usefixtures("session_to_lose", "small_pieces")
def test_a_database_that_goes_away_later_cuts_the_answer_off(client):
    for _ in range(5):
        ProductFactory()
    before = free_places()
    response = client.get(PRODUCTS, headers={"X-Request-ID": "cut"})
    kept = next(response.streaming_content)
    with pytest.raises(Exception, match="terminating connection"):
        end_session()
    with capture_logs() as lines, pytest.raises(CutOff):
        b"".join(response.streaming_content)
    assert [line["event"] for line in lines] == ["export_cut_off", "export"]
    assert free_places() == before
    connection.close()  # as at the end of every request, outside of tests
    last = json.loads(kept.splitlines()[-1])["id"]
    rows = exported(client, "products", **{"page[after]": last})
    assert len(kept.splitlines()) + len(rows) == 5


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize(
    "changed", [{"revoked_at": Now()}, {"expires_at": Now()}, {"scopes": ["inventory:read"]}]
)
def test_a_key_that_may_no_more_cuts_the_answer_off(api_client, changed):
    for _ in range(5):
        ProductFactory()
    before = free_places()
    response = api_client("products:read", name="shop").get(PRODUCTS)
    next(response.streaming_content)
    ApiKey.objects.filter(name="shop").update(**changed)
    forget_findings()  # as after less than a second
    with capture_logs() as lines, pytest.raises(CutOff):
        b"".join(response.streaming_content)
    assert lines[0].items() >= {"event": "export_cut_off", "error": "KeyNotInForce"}.items()
    assert free_places() == before


@pytest.mark.usefixtures("small_pieces")
def test_the_log_tells_how_it_ended(client):
    for _ in range(5):
        ProductFactory()
    with capture_logs() as lines:
        whole = len(text(client.get(PRODUCTS)))
        response = client.get(PRODUCTS)
        next(response.streaming_content)
        leave(response)
    complete, left = [line for line in lines if line["event"] == "export"]
    assert complete.items() >= {"resource_type": "products", "rows": 5, "bytes": whole}.items()
    assert (complete["is_complete"], left["is_complete"]) == (True, False)
    assert left["rows"] == 2
