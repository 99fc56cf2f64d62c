"""Fifty customers at once, and whether they were served well enough.

    make run                                     # in one terminal
    .venv/bin/locust --headless -u 50 -r 50 -t 1m --host http://127.0.0.1:8000

Six of ten browse, two hold baskets, two buy. Without STOCKROOM_API_KEY they use the demo's key.
When stock has run out, who wanted to buy has a delivery booked. At the end each objective is
printed with what was measured; the exit code is 1 when one was missed.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from locust import FastHttpUser, between, events, task

if TYPE_CHECKING:
    from collections.abc import Collection

    from locust.env import Environment

API: Final = "/api/v1"
DEMO_KEY: Final = Path(os.environ.get("DATA_DIR") or ".data") / "demo_api_key"

READ_MS: Final = float(os.environ.get("SLO_READ_MS") or 50)
WRITE_MS: Final = float(os.environ.get("SLO_WRITE_MS") or 100)
ERROR_PERCENT: Final = 0.1
"""The objectives: p95 of a cached read, p95 of a stock write, errors among all requests."""
CACHED_READ: Final = "GET /products/{id}"
DECREMENT: Final = "PATCH /inventory/{id}"
RESERVE: Final = "POST /reservations"
ACTIONS: Final = ("confirm", "ship", "release")
STOCK_WRITES: Final = (
    DECREMENT, RESERVE, *(f"POST /reservations/{{id}}/{action}" for action in ACTIONS),
)  # fmt: skip

verdict: list[str] = []

DELIVERY: Final = 500  # units
WORDS: Final = ("mug", "lamp", "coffee", "wool", "tent", "steel", "oak")
RELEASED: Final = 0.8  # of all holds; the others run out of time
REPEATED: Final = 0.05  # of all decrements: the client did not hear the answer, and asks again


class Customer(FastHttpUser):
    """Somebody with a key, who knows what is for sale."""

    abstract = True
    wait_time = between(0.2, 1.0)

    def on_start(self) -> None:
        self.key = {"X-API-Key": os.environ.get("STOCKROOM_API_KEY") or _demo_key()}
        answer = self.client.get(
            f"{API}/products?page[size]=100", headers=self.key, name="GET /products"
        )
        found = answer.json()["data"] if answer.status_code == HTTPStatus.OK else []
        self.products: list[str] = [product["id"] for product in found]
        if not self.products:
            self.environment.runner.quit()  # nothing can be measured in an empty shop

    def any_product(self) -> str:
        return random.choice(self.products)

    def look(self, path: str, name: str) -> None:
        self.client.get(f"{API}{path}", headers=self.key, name=name)

    def write(
        self, method: str, path: str, name: str, body: Any = None, *, once: str = ""
    ) -> tuple[int, Any, bool]:
        """Send a change with an Idempotency-Key: its status, its document, whether a replay.

        A refusal for want of stock is an answer like any other, and counted as a success.
        """
        headers = self.key | {"Idempotency-Key": once or uuid4().hex}
        with self.client.request(
            method, f"{API}{path}", json=body or {}, headers=headers, name=name,
            catch_response=True,
        ) as answer:  # fmt: skip
            document = answer.json() if answer.content else {}
            if _is_out_of_stock(answer.status_code, document):
                answer.success()
            replayed = answer.headers.get("Idempotent-Replayed") == "true"
            return answer.status_code, document, replayed

    def basket(self) -> list[dict[str, Any]]:
        chosen = random.sample(self.products, k=min(len(self.products), random.randint(1, 3)))
        return [{"product_id": pk, "quantity": random.randint(1, 3)} for pk in chosen]

    def reserve(self) -> str | None:
        """Hold a basket: the id of the reservation, or nothing when stock did not suffice."""
        reference = f"LOAD-{uuid4().hex}"
        order = {"order_reference": reference, "lines": self.basket(), "expires_in": 120}
        status, document, _ = self.write("POST", "/reservations", RESERVE, order)
        if status == HTTPStatus.CREATED:
            return str(document["data"]["id"])
        for error in document.get("errors", []):
            if error["code"] == "insufficient_stock":
                self.deliver(error["meta"]["product_id"])
        return None

    def act(self, reservation: str, action: str) -> None:
        path = f"/reservations/{reservation}/{action}"
        self.write("POST", path, f"POST /reservations/{{id}}/{action}")

    def deliver(self, product: str) -> None:
        body = {"quantity_delta": DELIVERY, "location": "main", "reference": "LOAD-DELIVERY"}
        self.write("PATCH", f"/inventory/{product}", DECREMENT, body)


class Browsing(Customer):
    """Looks at products, lists and the results of searches."""

    weight = 6

    @task(6)
    def product(self) -> None:
        self.look(f"/products/{self.any_product()}", CACHED_READ)

    @task(2)
    def shelf(self) -> None:
        self.look("/products?page[size]=20&sort=name", "GET /products")

    @task(1)
    def search(self) -> None:
        path = f"/products?filter[search]={random.choice(WORDS)}"
        self.look(path, "GET /products?filter[search]")

    @task(1)
    def stock(self) -> None:
        self.look(f"/inventory/{self.any_product()}", "GET /inventory/{id}")


class Holding(Customer):
    """Asks what could be had, holds it, and mostly thinks better of it."""

    weight = 2

    @task(2)
    def availability(self) -> None:
        self.write("POST", "/availability", "POST /availability", {"lines": self.basket()})

    @task(3)
    def hold(self) -> None:
        reservation = self.reserve()
        if reservation and random.random() < RELEASED:
            self.act(reservation, "release")


class Buying(Customer):
    """Buys a basket through a reservation, or one product at once."""

    weight = 2

    @task(1)
    def order(self) -> None:
        if reservation := self.reserve():
            self.act(reservation, "confirm")
            self.act(reservation, "ship")

    @task(2)
    def sale(self) -> None:
        product, once = self.any_product(), uuid4().hex
        path, body = f"/inventory/{product}", {"quantity_delta": -1, "reference": "LOAD"}
        status, document, _ = self.write("PATCH", path, DECREMENT, body, once=once)
        if _is_out_of_stock(status, document):
            self.deliver(product)
        elif status == HTTPStatus.OK and random.random() < REPEATED:
            self.repeat(path, body, once, document)

    def repeat(self, path: str, body: Any, once: str, first: Any) -> None:
        _, document, replayed = self.write("PATCH", path, DECREMENT, body, once=once)
        if not replayed or document != first:
            self.environment.stats.log_error(
                "PATCH", DECREMENT, "A repeated request was answered otherwise than the first."
            )


def _is_out_of_stock(status: int, document: Any) -> bool:
    errors = document.get("errors", [])
    codes = {error["code"] for error in errors}
    return status == HTTPStatus.UNPROCESSABLE_ENTITY and codes == {"insufficient_stock"}


def _demo_key() -> str:
    if not DEMO_KEY.is_file():
        raise SystemExit(f"Set STOCKROOM_API_KEY, or start `make run`, which makes {DEMO_KEY}.")
    return DEMO_KEY.read_text().strip()


@events.quitting.add_listener
def judge(environment: Environment, **_given: Any) -> None:
    """Compare each objective with what was measured, and set the exit code."""
    total = environment.stats.total
    errors = 100 * total.num_failures / total.num_requests if total.num_requests else 100.0
    objectives = [
        ("p95 of a cached read", _p95(environment, [CACHED_READ]), READ_MS, "ms"),
        ("p95 of a stock write", _p95(environment, STOCK_WRITES), WRITE_MS, "ms"),
        ("errors", errors, ERROR_PERCENT, "%"),
    ]
    are_met = [found is not None and found <= limit for _, found, limit, _ in objectives]
    environment.process_exit_code = 0 if all(are_met) else 1
    verdict.append(f"Service level objectives, over {total.num_requests:,} requests:")
    for (name, found, limit, unit), is_met in zip(objectives, are_met, strict=True):
        said = "not measured" if found is None else f"{found:.4g} {unit}"
        word = "met" if is_met else "MISSED"
        verdict.append(f"  {name:<22} {said:>14}   at most {limit:g} {unit:<3} {word}")


@events.quit.add_listener
def say(**_given: Any) -> None:
    """After locust's own tables, so that it is what one sees."""
    print("\n".join(verdict))


def _p95(environment: Environment, names: Collection[str]) -> float | None:
    """Milliseconds within which 95 of 100 requests of these names were answered, all together."""
    times: Counter[float] = Counter()
    for (name, _method), entry in environment.stats.entries.items():
        if name in names:
            times.update(entry.response_times)
    wanted, seen = 0.95 * sum(times.values()), 0
    for milliseconds in sorted(times):
        seen += times[milliseconds]
        if seen >= wanted:
            return float(milliseconds)
    return None
