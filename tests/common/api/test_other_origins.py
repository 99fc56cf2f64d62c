"""Programs on pages of other origins (API.md §7)."""

from __future__ import annotations

import pytest

from tests.api_client import ApiClient

PRODUCTS = "/api/v1/products"
NOBODY = "00000000-0000-7000-8000-000000000000"


@pytest.mark.parametrize("path", [PRODUCTS, "/api/v1/nowhere", f"{PRODUCTS}?bogus=1"])
@pytest.mark.parametrize("key", ["own", "nonsense"])
def test_pages_of_other_origins_may_read_answers_and_refusals(client, path, key):
    headers = {"Origin": "https://shop.example"}
    if key == "nonsense":
        headers["X-API-Key"] = key
    answer = client.get(path, headers=headers)
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer
    exposed = {name.strip() for name in answer["Access-Control-Expose-Headers"].split(",")}
    assert exposed >= {
        "X-Request-ID",
        "ETag",
        "RateLimit",
        "RateLimit-Policy",
        "Idempotent-Replayed",
        "Location",
    }


def test_listed_origins_may_bring_credentials(client, settings):
    settings.CORS_ALLOW_ALL_ORIGINS = False
    settings.CORS_ALLOWED_ORIGINS = ["https://shop.example"]
    settings.CORS_ALLOW_CREDENTIALS = True
    answer = client.get(PRODUCTS, headers={"Origin": "https://shop.example"})
    assert answer["Access-Control-Allow-Origin"] == "https://shop.example"
    assert answer["Access-Control-Allow-Credentials"] == "true"
    assert {"origin", "accept"} <= {name.strip().lower() for name in answer["Vary"].split(",")}
    answer = client.get(PRODUCTS, headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in answer


@pytest.mark.django_db
def test_a_preflight_needs_no_key_and_is_kept_for_an_hour():
    headers = {
        "Origin": "https://shop.example",
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "x-api-key,idempotency-key,if-match,content-type",
    }
    answer = ApiClient("").options(f"{PRODUCTS}/{NOBODY}", headers=headers)
    assert answer.status_code == 200
    assert answer["Access-Control-Max-Age"] == "3600"
    assert "PATCH" in answer["Access-Control-Allow-Methods"]
    allowed = answer["Access-Control-Allow-Headers"]
    for name in ("x-api-key", "idempotency-key", "if-match", "if-none-match", "content-type"):
        assert name in allowed
