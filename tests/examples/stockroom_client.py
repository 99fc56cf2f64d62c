"""A client of Stockroom's API in one class; the standard library is all it needs."""

from __future__ import annotations

import json
import time
from typing import Any, Final
from urllib.error import HTTPError
from urllib.request import Request, urlopen

PAUSES: Final = (0.1, 0.2, 0.5, 1, 2, 5)  # seconds before each further attempt
NOT_YET: Final = {"idempotency_in_progress", "service_unavailable", "throttled"}


class Refused(Exception):
    """Stockroom said no, and will say so again: ``code`` tells why."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["detail"])
        self.code: str = error["code"]


class NoAnswer(Exception):
    """Nobody knows what became of the request: send it again later, with the same key."""


class Stockroom:
    def __init__(self, base_url: str, api_key: str) -> None:
        self._base_url = base_url
        self._api_key = api_key

    def post(self, path: str, body: dict[str, Any] | None = None, *, key: str) -> dict[str, Any]:
        """The resource that answers; tries again until that is certain."""
        for pause in (*PAUSES, None):
            try:
                return self._once("POST", path, body, {"Idempotency-Key": key})
            except Refused as refusal:
                if refusal.code not in NOT_YET:
                    raise
            except OSError:  # no connection, no answer, half an answer
                pass
            if pause is not None:
                time.sleep(pause)
        raise NoAnswer(f"POST {path} with key {key}")

    def get(self, path: str) -> Any:
        return self._once("GET", path, None, {})

    def _once(
        self, method: str, path: str, body: dict[str, Any] | None, headers: dict[str, str]
    ) -> Any:
        content = None if body is None else json.dumps(body).encode()
        request = Request(f"{self._base_url}/api/v1/{path}", content, method=method)  # noqa: S310
        for name, value in (headers | {"X-API-Key": self._api_key}).items():
            request.add_header(name, value)
        if content is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with urlopen(request, timeout=20) as answer:  # noqa: S310 - the address is our own
                return json.load(answer)["data"]
        except HTTPError as error:
            with error:
                raise Refused(json.load(error)["errors"][0]) from None
