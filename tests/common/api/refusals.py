"""Error documents, checked for what all of them must have."""

from __future__ import annotations

from typing import Any

from tests.api_client import JSON_API


def errors(answer: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = answer.json()["errors"]
    assert found
    for error in found:
        assert error["status"] == str(answer.status_code)
        assert error["title"]
        assert error["detail"]
        assert error["code"].replace("_", "").islower()
        assert error["id"] == answer["X-Request-ID"]
        assert set(error) <= {"id", "status", "code", "title", "detail", "source", "meta"}
    assert answer.json().keys() == {"jsonapi", "errors"}
    assert answer["Content-Type"] == JSON_API
    return found


def only_error(answer: Any) -> dict[str, Any]:
    (error,) = errors(answer)
    return error
