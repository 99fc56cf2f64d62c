"""Clients that write and then list, and others that only look."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tests.waiting import wait_until

if TYPE_CHECKING:
    from tests.deploy.scale_out.stand import Stand

CLIENTS: Final = 4


class Client:
    """A program with a key and a product of its own, and two connections.

    It writes by one and lists by the other, so that another process may answer.
    """

    def __init__(self, stand: Stand, *, stock: int = 1_000_000) -> None:
        key = next(stand.keys)
        self._writes, self._lists = stand.caller(key), stand.caller(key)
        self.sku = f"SKU-{secrets.token_hex(5)}".upper()
        self.name = "Mug"
        self.sold = 0
        self._stock = stock
        mug = {"name": self.name, "description": "Holds tea", "price": 9.99, "sku": self.sku}
        self.product_id = str(self._written("POST", "products", mug)["id"])
        self._written("POST", "inventory", {"sku": self.sku, "quantity": stock})

    def rename(self) -> None:
        self.name = f"Mug {secrets.token_hex(6)}"
        self._written("PATCH", f"products/{self.product_id}", {"name": self.name})

    def sell(self) -> None:
        self.sold += 1
        self._written("PATCH", f"inventory/{self.product_id}", {"quantity_delta": -1})

    def name_in_list(self) -> str:
        return str(listed(self._lists, "products", self.sku)["name"])

    def quantity_in_list(self) -> int:
        return int(listed(self._lists, "inventory", self.sku)["quantity"])

    def quantity(self) -> int:
        _, document = self._lists.ask("GET", f"/api/v1/inventory/{self.product_id}")
        return int(document["data"]["attributes"]["quantity"])

    def misses_its_sale(self) -> bool:
        self.sell()
        return self.quantity_in_list() != self._stock - self.sold

    def misses_its_name(self) -> bool:
        self.rename()
        return self.name_in_list() != self.name

    def figure(self, name: str) -> float:
        """A figure by its name and labels, as Prometheus would read it."""
        self._lists._connection.request("GET", "/metrics")
        lines = self._lists._connection.getresponse().read().decode().splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))

    def close(self) -> None:
        self._writes.close()
        self._lists.close()

    def _written(self, method: str, path: str, body: Any) -> Any:
        status, document = self._writes.ask(method, f"/api/v1/{path}", body)
        assert status in {200, 201}, document
        return document["data"]


class Reader:
    """A program that never writes."""

    def __init__(self, stand: Stand) -> None:
        self._caller = stand.caller(next(stand.keys))

    def name_in_list(self, client: Client) -> str:
        return str(listed(self._caller, "products", client.sku)["name"])

    def name_alone(self, client: Client) -> str:
        _, document = self._caller.ask("GET", f"/api/v1/products/{client.product_id}")
        return str(document["data"]["attributes"]["name"])

    def wait_until_seen(self, client: Client) -> None:
        """Until the replica has come as far as the client."""
        wait_until(lambda: listed(self._caller, "products", client.sku).get("name") == client.name)

    def last_event(self) -> str:
        """The id of what the newest event is about."""
        last, path = "", "/api/v1/events?page[after]=&page[size]=100"
        while path:
            _, document = self._caller.ask("GET", path)
            for event in document["data"]:
                last = event["attributes"]["subject"]["id"]
            path = document["links"]["next"] if document["data"] else ""
        return last

    def close(self) -> None:
        self._caller.close()


def listed(caller: Any, resource: str, sku: str) -> dict[str, Any]:
    """The attributes of the one that has this SKU, as a list tells them; empty where none has."""
    status, document = caller.ask("GET", f"/api/v1/{resource}?filter[sku]={sku}")
    assert status == 200, document
    found: list[dict[str, Any]] = [one["attributes"] for one in document["data"]]
    return found[0] if found else {}


@dataclass(frozen=True, slots=True)
class Found:
    pairs: int
    missed: int
    looks_of_others: int
    seen_late_by_others: int


def tell_of(found: Found) -> str:
    late = f"{found.seen_late_by_others} of {found.looks_of_others} looks of others were late"
    return f"{found.pairs} pairs ({late})"


def write_and_list(
    stand: Stand, pairs: int, condition: AbstractContextManager[None] | None
) -> Found:
    """So many pairs by several clients at once; others look at the same now and then."""
    clients = [Client(stand) for _ in range(CLIENTS)]
    reader = Reader(stand)
    for client in clients:
        reader.wait_until_seen(client)
    with condition or nullcontext(), ThreadPoolExecutor(CLIENTS) as pool, closing(reader):
        found = list(pool.map(lambda client: _pairs(stand, client, pairs // CLIENTS), clients))
    for client in clients:
        client.close()
    done, missed, looks, late = (sum(numbers) for numbers in zip(*found, strict=True))
    return Found(done, missed, looks, late)


def _pairs(stand: Stand, client: Client, number: int) -> tuple[int, int, int, int]:
    missed = looks = late = 0
    with closing(Reader(stand)) as other:
        for turn in range(number):
            missed += client.misses_its_sale() if turn % 2 else client.misses_its_name()
            if turn % 10 == 0:
                looks += 1
                late += other.name_in_list(client) != client.name
    return number, missed, looks, late
