"""Whether a web process grows with the requests it answers: ``python -m tests.bench.memory``.

One web process under gunicorn answers mixed requests of several clients at once: cached products,
lists, searches, pages of the back office, changes of stock, repeated and refused ones, addresses
that nobody has, keys that nobody knows. Every address, word, key and body that can differ does.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.client import HTTPConnection
from itertools import pairwise
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit
from uuid import UUID

from tests.bench.scale import PROJECT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.running import RunningServer

CLIENTS: Final = 6
PRODUCTS: Final = 1_000
STOPS: Final = (1_000, 10_000, 50_000, 100_000, 200_000)
API: Final = "/api/v1"
SESSION: Final = """
from django.contrib.auth import get_user_model
from django.test import Client
browser = Client()
browser.force_login(get_user_model().objects.create_superuser("bench"))
print(browser.cookies["sessionid"].value)
"""
WORDS: Final = ("mug", "oak", "steel", "blue", "tent", "anvil", "harbour", "made", "box", "al", "x")
SORTS: Final = ("name", "-price", "sku", "-created_at", "updated_at")
JSON: Final = {"Content-Type": "application/json"}

Request = tuple[str, str, dict[str, str], dict[str, Any] | None]


class Visitor:
    """One client with its connection, and a random of its own."""

    def __init__(self, server: RunningServer, ids: Sequence[str], session: str, seed: int) -> None:
        self.ids = ids
        self.random = Random(seed)  # noqa: S311 - a mixture, not a secret
        self.key = {"X-API-Key": server.api_key}
        self.cookie = {"Cookie": f"sessionid={session}"}
        self.connection = HTTPConnection(urlsplit(server.base_url).netloc, timeout=60)
        self.statuses: Counter[int] = Counter()

    def send(self, count: int) -> None:
        kinds = (
            *[self.product] * 60, *[self.page] * 8, *[self.search] * 4, *[self.change] * 12,
            *[self.refused] * 7, *[self.nowhere] * 8, self.back_office,
        )  # fmt: skip
        for _ in range(count):
            method, path, headers, body = self.random.choice(kinds)()
            content = None if body is None else json.dumps(body)
            self.connection.request(method, path, body=content, headers=headers)
            answer = self.connection.getresponse()
            answer.read()
            self.statuses[answer.status] += 1

    def product(self) -> Request:
        return "GET", f"{API}/products/{self.random.choice(self.ids)}", self.key, None

    def page(self) -> Request:
        number, size = self.random.randint(1, 9), self.random.choice((1, 5, 10, 10, 20, 100))
        path = self.random.choice(
            (
                f"products?sort={self.random.choice(SORTS)}&page[number]={number}&",
                f"products?include=inventory,category&filter[price][gte]={number}&",
                f"stock-levels?filter[low]=true&filter[available][lte]={size}&",
                f"stock-movements?filter[product]={self.random.choice(self.ids)}&",
                "inventory?",
            )
        )
        return "GET", f"{API}/{path}page[size]={size}", self.key, None

    def search(self) -> Request:
        words = [*self.random.choices(WORDS, k=2), self._letters(2)]
        text = " ".join(words[: self.random.randint(1, 3)])
        return "GET", f"{API}/products?filter[search]={quote(text)}", self.key, None

    def change(self) -> Request:
        delta = self.random.choice((-3, -2, -1, 1, 2, 3, -(10**6)))
        body = {"quantity_delta": delta, "location": "main", "reference": self._letters(8)}
        once = {"Idempotency-Key": self._letters(12)} if self.random.random() < 0.8 else {}
        path = f"{API}/inventory/{self.random.choice(self.ids)}"
        return "PATCH", path, self.key | JSON | once, body

    def refused(self) -> Request:
        letters = self._letters(10)
        requests: tuple[Request, ...] = (
            ("GET", f"{API}/products", {"X-API-Key": f"sk_live_{letters}"}, None),
            ("GET", f"{API}/products?{letters}=1", self.key, None),
            ("GET", f"{API}/products?page[after]={letters}", self.key, None),
            ("POST", f"{API}/products", self.key | JSON, {letters: letters}),
            ("DELETE", f"{API}/stock-levels", self.key, None),
        )
        return self.random.choice(requests)

    def nowhere(self) -> Request:
        somebody = UUID(int=self.random.getrandbits(128))
        places = (f"{API}/products/{somebody}", f"/{self._letters(9)}", f"{API}/{self._letters(9)}")
        return "GET", self.random.choice(places), self.key, None

    def back_office(self) -> Request:
        pages = (
            f"products/product/?q={self._letters(2)}",
            f"products/product/{self.random.choice(self.ids)}/change/",
            "inventory/stocklevel/?stock=low",
            "inventory/stockmovement/",
        )
        return "GET", f"/admin/{self.random.choice(pages)}", self.cookie, None

    def _letters(self, count: int) -> str:
        return "".join(self.random.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=count))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=STOPS[-1], help="%(default)s")
    wanted = parser.parse_args()
    os.environ.setdefault("DATA_DIR", str(PROJECT / ".data" / "bench"))
    os.environ.setdefault("DEVELOPMENT", "1")
    from config.own_servers import own_servers
    from tests.running import running_stockroom

    with ExitStack() as at_end:
        at_end.enter_context(own_servers())
        folder = Path(at_end.enter_context(TemporaryDirectory()))
        server = at_end.enter_context(running_stockroom(folder, WEB_CONCURRENCY="1"))
        _measure(server, [stop for stop in STOPS if stop <= wanted.requests])


def _measure(server: RunningServer, stops: Sequence[int]) -> None:
    server.manage("seed_demo", "--products", str(PRODUCTS))
    session = server.manage("shell", "--verbosity=0", "-c", SESSION)
    ids = _ids(server)
    visitors = [Visitor(server, ids, session, seed) for seed in range(CLIENTS)]
    print("| requests answered | resident MB |\n|--:|--:|")
    print(f"| 0 | {_resident(server):.1f} |")
    with ThreadPoolExecutor(CLIENTS) as pool:
        for before, after in pairwise((0, *stops)):
            each = (after - before) // CLIENTS
            for done in [pool.submit(visitor.send, each) for visitor in visitors]:
                done.result()
            print(f"| {after:,} | {_resident(server):.1f} |", flush=True)
    statuses = sum((visitor.statuses for visitor in visitors), Counter())
    print(f"\nStatus codes: {dict(sorted(statuses.items()))}", file=sys.stderr)


def _ids(server: RunningServer) -> list[str]:
    listing = "from products.models import Product\nfor p in Product.objects.all(): print(p.pk)"
    return server.manage("shell", "--verbosity=0", "-c", listing).splitlines()


def _resident(server: RunningServer) -> float:
    """Of the one process that answers; what it shares with its parent included."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    (worker,) = children.read_text().split()
    pages = int(Path(f"/proc/{worker}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    main()
