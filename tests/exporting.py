"""Exports as a client reads them."""

from __future__ import annotations

import csv
import json
from contextlib import contextmanager
from io import StringIO
from itertools import repeat
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.core.signals import request_finished
from django.db import close_old_connections

from common.api.exports import sending, walking
from common.api.exports.walking import Piece
from tests.api_client import JSON, JSON_API

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.api_client import ApiClient

EXPORTS = "/api/v1/exports"
PRODUCTS = f"{EXPORTS}/products"
NDJSON = "application/x-ndjson"
CSV = "text/csv"


@pytest.fixture
def small_pieces(monkeypatch) -> None:
    """So that a handful of rows are several pieces."""
    for limit in ("FIRST_ROWS", "FEWEST_ROWS", "MOST_ROWS"):
        monkeypatch.setattr(walking, limit, 2)


def exported(client: ApiClient, path: str, **parameters: str) -> list[dict[str, Any]]:
    """The rows of an export, all of which is taken."""
    body = text(client.get(f"{EXPORTS}/{path}", parameters))
    assert body == "" or body.endswith("\n")
    return [json.loads(line) for line in body.split("\n")[:-1]]


def as_csv(client: ApiClient, path: str, **parameters: str) -> list[dict[str, Any]]:
    """The same as CSV: every value is a text."""
    body = text(client.get(f"{EXPORTS}/{path}", parameters, headers={"Accept": CSV}))
    return list(csv.DictReader(StringIO(body, newline="")))


def text(response: Any) -> str:
    """What was sent, to the end."""
    assert response.status_code == 200, response.content
    return b"".join(response.streaming_content).decode()


def leave(response: Any) -> None:
    """As the web server does when the client has gone; the test keeps its connection."""
    request_finished.disconnect(close_old_connections)
    response.close()
    request_finished.connect(close_old_connections)


def assert_refused(response: Any, status: int, parameter: str | None = None) -> None:
    """With a document, not with rows."""
    assert response.status_code == status, response
    (error,) = response.json()["errors"]
    assert response["Content-Type"] in {JSON, JSON_API}
    assert parameter is None or error["source"] == {"parameter": parameter}


@contextmanager
def all_places_taken() -> Iterator[None]:
    """As many exports are on their way as may be."""
    places = [sending.Sending("products", repeat(Piece(b""))) for _ in range(free_places())]
    yield
    for place in places:
        place.close()


def free_places() -> int:
    return settings.EXPORTS_AT_ONCE - len(sending.under_way)
