"""Clients that keep asking a server for what most of them want, and note every answer."""

from __future__ import annotations

import json
import secrets
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.running import RunningServer

STOCK: Final = 10**6
BROKEN: Final = 0
"""The status of a request to which no whole answer came."""
CLIENTS: Final = ("product", "list", "sale", "sale")
TIMEOUT: Final = 20.0  # seconds, more than any answer may take


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, and when its request began and ended in seconds of the monotonic clock."""

    kind: str
    status: int
    began: float
    ended: float
    retry_after: str | None = None
    reference: str = ""


class Caller:
    """One connection to a server, opened again after it broke."""

    def __init__(self, server: RunningServer) -> None:
        self._connection = HTTPConnection(urlsplit(server.base_url).netloc, timeout=TIMEOUT)
        self._headers = {"X-API-Key": server.api_key, "Content-Type": "application/json"}

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Status and document; the document of a broken connection is empty."""
        status, document, _ = self.ask_closely(method, path, body, **headers)
        return status, document

    def ask_closely(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, Any, str | None]:
        """Likewise, and ``Retry-After``."""
        sent = json.dumps(body) if body is not None else None
        try:
            self._connection.request(method, path, sent, self._headers | headers)
            answer = self._connection.getresponse()
            return answer.status, json.loads(answer.read()), answer.headers["Retry-After"]
        except (OSError, HTTPException, ValueError):
            self._connection.close()
            return BROKEN, {}, None

    def close(self) -> None:
        self._connection.close()


def stocked_product(server: RunningServer) -> str:
    """The id of a new product with a great deal of stock."""
    sku = f"MUG-{secrets.token_hex(4)}".upper()
    mug = {"name": "Mug", "description": "Holds tea", "price": 9.99, "sku": sku}
    with closing(Caller(server)) as caller:
        status, document = caller.ask("POST", "/api/v1/products", mug)
        assert status == 201, document
        opening = {"sku": sku, "quantity": STOCK}
        assert caller.ask("POST", "/api/v1/inventory", opening)[0] == 201
    return str(document["data"]["id"])


@dataclass(slots=True)
class Traffic:
    """The answers so far, of clients that ask for one product or a list, or sell one unit."""

    server: RunningServer
    product_id: str
    clients: tuple[str, ...] = CLIENTS
    """What each of them asks for."""
    answers: list[Answer] = field(default_factory=list)
    _is_over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def flowing(self) -> Iterator[Traffic]:
        threads = [threading.Thread(target=self._be_a_client, args=[kind]) for kind in self.clients]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._is_over.set()
            for thread in threads:
                thread.join()

    def wait_for_more(self, number: int = 10, *, status: int | None = None) -> None:
        """Until each kind of client has had so many answers whose requests began from now on."""
        start, now = len(self.answers), time.monotonic()

        def are_there() -> bool:
            new = [one for one in self.answers[start:] if one.began >= now]
            wanted = [one.kind for one in new if status in (None, one.status)]
            return all(wanted.count(kind) >= number for kind in set(self.clients))

        wait_until(are_there, timeout=60)

    def statuses(self) -> set[int]:
        return {answer.status for answer in self.answers}

    def sold(self) -> list[str]:
        """The references of the sales that were acknowledged."""
        return [one.reference for one in self.answers if one.kind == "sale" and one.status == 200]

    def _be_a_client(self, kind: str) -> None:
        caller = Caller(self.server)
        while not self._is_over.is_set():
            self.answers.append(self._asked(caller, kind))
        caller.close()

    def _asked(self, caller: Caller, kind: str) -> Answer:
        began, reference = time.monotonic(), secrets.token_hex(8)
        match kind:
            case "product":
                found = caller.ask_closely("GET", f"/api/v1/products/{self.product_id}")
            case "list":
                found = caller.ask_closely("GET", "/api/v1/products?page[size]=5")
            case _:
                sale = {"quantity_delta": -1, "reference": reference}
                path = f"/api/v1/inventory/{self.product_id}"
                found = caller.ask_closely("PATCH", path, sale, **{"Idempotency-Key": reference})
        status, _, retry_after = found
        return Answer(kind, status, began, time.monotonic(), retry_after, reference)
