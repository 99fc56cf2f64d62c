"""What tests of many changes in one request share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inventory import verification
from inventory.models import StockLevel
from tests.api_client import JSON
from tests.inventory.promises import what_is_wrong

if TYPE_CHECKING:
    from tests.api_client import ApiClient

URL = "/api/v1/inventory/adjustments"


def adjust(client: ApiClient, *lines: dict[str, Any], key: str = "", **wishes: Any) -> Any:
    """Send these lines as plain JSON."""
    headers = {"Idempotency-Key": key} if key else {}
    return client.post(URL, {"lines": list(lines), **wishes}, JSON, headers=headers)


def skipping(client: ApiClient, *lines: dict[str, Any], **wishes: Any) -> Any:
    """The same, and the other lines are carried out whatever becomes of one."""
    return adjust(client, *lines, on_error="skip_failed", **wishes)


def meta(response: Any) -> dict[str, Any]:
    assert response.status_code == 200, response.content
    return dict(response.json()["meta"])


def results(response: Any) -> list[dict[str, Any]]:
    return list(meta(response)["lines"])


def codes(response: Any) -> list[str | None]:
    """Of each line's error; None where it was carried out."""
    return [line["error"] and line["error"]["code"] for line in results(response)]


def errors(response: Any) -> list[tuple[str, str, str | None]]:
    """Status, code and pointer of each error of a refusal."""
    return [
        (error["status"], error["code"], error.get("source", {}).get("pointer"))
        for error in response.json()["errors"]
    ]


def on_hand() -> dict[tuple[str, str], int]:
    """Of every product at every location."""
    rows = StockLevel.objects.values_list("product__sku", "location__code", "on_hand")
    return {(sku, code): units for sku, code, units in rows}


def all_is_well() -> bool:
    """Counters, ledger, promises: each explains the other."""
    differences = [one for step in verification.verify() for one in step.differences]
    return differences == [] and what_is_wrong() == []
