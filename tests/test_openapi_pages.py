"""The OpenAPI document as it is served, and the pages that show it."""

from __future__ import annotations

import re

import pytest
import yaml
from django.test import Client

from tests.api_client import JSON
from tests.openapi import document


@pytest.fixture
def nobody():
    """A client without a key."""
    return Client()


@pytest.mark.parametrize("path", ["/schema", "/schema/"])
@pytest.mark.parametrize("accept", ["*/*", "text/html,*/*;q=0.8", JSON, ""])
def test_the_document_is_json_without_a_key(nobody, path, accept):
    response = nobody.get(path, headers={"Accept": accept})
    assert response["Content-Type"] == JSON
    assert response.json() == document()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("query", "accept"),
    [("", "application/yaml"), ("", "text/yaml"), ("?format=yaml", "*/*")],
)
def test_the_document_is_yaml_on_request(nobody, query, accept):
    response = nobody.get(f"/schema{query}", headers={"Accept": accept})
    assert response["Content-Type"] == "application/yaml"
    assert yaml.safe_load(response.content) == document()


@pytest.mark.parametrize("path", ["/docs", "/docs/", "/redoc", "/redoc/"])
def test_the_pages_take_everything_from_this_server(db, nobody, path):
    response = nobody.get(path)
    page = response.content.decode()
    assert response["Content-Type"].startswith("text/html")
    assert '"/schema"' in page
    assert "//" not in page.replace("<!DOCTYPE html>", "")
    allowed = response["Content-Security-Policy"]
    assert "https:" not in allowed
    assert "*" not in allowed
    for asset in re.findall(r'(?:src|href)="([^"]+)"', page):
        answer = nobody.get(asset)
        assert answer.status_code == 200, asset
        answer.close()


@pytest.mark.parametrize("path", ["/schema", "/docs/", "/redoc"])
@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_they_are_read_only_and_say_so_in_our_words(nobody, path, method):
    response = getattr(nobody, method)(path)
    assert response.status_code == 405
    assert response["Allow"] == "GET, HEAD"
    assert response.json()["errors"][0]["code"] == "method_not_allowed"
