"""Who is measured: ours, the peers and the floor, each in two processes on the same servers."""

from __future__ import annotations

import json
import secrets
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import digest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

import psycopg

from tests.bench.rpc import running_rpc
from tests.running import (
    database_of_its_own,
    free_port,
    own_environment,
    run_python,
    running_python,
    running_stockroom,
)
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.running import RunningServer

PROCESSES: Final = 2
THREADS: Final = 8
PRODUCTS: Final = 300
UNITS: Final = 10**9
QUOTA: Final = 10**9
"""Requests a minute: counted, as for any client, and never used up."""
SCOPES: Final = (
    "products:read", "inventory:read", "inventory:write", "reservations:write",
)  # fmt: skip
PEER: Final = "tests.bench.peer.app:application"
IN_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a new folder below it; ours counts there too
STOCK_OF_OURS: Final = """
SELECT coalesce(sum(on_hand), 0)::bigint, coalesce(sum(reserved), 0)::bigint,
    (SELECT count(*) FROM inventory_stockmovement), (SELECT count(*) FROM events_event),
    (SELECT count(*) FROM idempotency_idempotencyrecord)
FROM inventory_stocklevel
"""
STOCK_OF_PEER: Final = """
SELECT coalesce(sum(on_hand), 0)::bigint, coalesce(sum(reserved), 0)::bigint,
    (SELECT count(*) FROM movements), (SELECT count(*) FROM events),
    (SELECT count(*) FROM records)
FROM stock
"""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a whole database holds, or by how much requests change it.

    Units on hand and reserved, movements, events, and answers kept for an Idempotency-Key.
    """

    units: int = 0
    reserved: int = 0
    movements: int = 0
    events: int = 0
    records: int = 0


@dataclass(slots=True)
class Contender:
    """A server that answers on a port of this machine.

    ``stock`` is a statement for the stock figures of its database; the floor has none. ``is_lean``
    means that it records no events and knows no keys of requests.
    """

    name: str
    port: int
    pid: int
    key: str = ""
    database: str = ""
    stock: str = ""
    products: list[str] = field(default_factory=list)
    is_lean: bool = False

    def stock_figures(self) -> Effect | None:
        if not self.stock:
            return None
        with psycopg.connect(self.database) as connection:
            found = connection.execute(self.stock).fetchone()
        assert found
        return Effect(*found)


@dataclass(slots=True)
class Field:
    """All contenders, and what to ask ours besides."""

    ours: Contender
    peer: Contender
    bare: Contender
    rpc: Contender
    server: RunningServer
    lean: Contender | None = None

    @property
    def peers(self) -> list[Contender]:
        return [self.peer, self.lean] if self.lean else [self.peer]


@contextmanager
def contenders(folder: Path, *, peer: str = PEER, with_lean: bool = False) -> Iterator[Field]:
    """All three, with the same products and as many processes; ``peer`` is an ASGI application.

    ``with_lean`` adds our peer without events, metrics and idempotency.
    """
    with ExitStack() as at_end:
        (folder / "ours").mkdir()
        server = at_end.enter_context(
            running_stockroom(
                folder / "ours", WEB_CONCURRENCY=str(PROCESSES), WEB_THREADS=str(THREADS)
            )
        )
        ours, rows = our_contender(server)
        yield Field(
            ours=ours,
            peer=at_end.enter_context(running_peer(folder, rows, application=peer)),
            bare=at_end.enter_context(_bare(folder, server, _bytes_of_a_product(ours))),
            rpc=at_end.enter_context(running_rpc(folder, server, ours)),
            server=server,
            lean=at_end.enter_context(running_peer(folder, rows, is_lean=True))
            if with_lean
            else None,
        )


def our_contender(server: RunningServer) -> tuple[Contender, list[dict[str, Any]]]:
    """A running server of ours with the products of the bench, and their rows."""
    arguments = ["-m", "tests.bench.filling", str(PRODUCTS), str(UNITS)]
    rows = json.loads(run_python(arguments, {**server.environment, "LOG_LEVEL": "WARNING"}))
    scopes = ["--scope", *SCOPES, "--quota", str(QUOTA)]
    ours = Contender(
        name="ours",
        port=_port(server),
        pid=server.process.pid,
        key=server.manage("create_api_key", "bench", *scopes).splitlines()[-1],
        database=server.environment["DATABASE_URL"],
        stock=STOCK_OF_OURS,
        products=[row["id"] for row in rows],
    )
    _vacuum(ours.database)
    return ours, rows


@contextmanager
def running_peer(
    folder: Path, rows: list[dict[str, Any]], *, application: str = PEER, is_lean: bool = False
) -> Iterator[Contender]:
    """The peer with a database of its own, in which there is stock of these products."""
    from tests.bench.peer.tables import fill

    name = "peer, lean" if is_lean else "peer"
    key, pepper = secrets.token_urlsafe(32), secrets.token_hex(16)
    hashed = digest(pepper.encode(), key.encode(), sha256)
    in_memory = IN_MEMORY if IN_MEMORY.is_dir() else None
    with database_of_its_own() as address, TemporaryDirectory(dir=in_memory) as shared:
        fill(_for_sqlalchemy(address, "psycopg"), rows, on_hand=UNITS, digest=hashed, quota=QUOTA)
        _vacuum(address)
        environment = own_environment(folder, {})
        environment |= {
            "PEER_DATABASE": _for_sqlalchemy(address, "asyncpg"),
            "PEER_REDIS": environment["REDIS_URL"],
            "PEER_PEPPER": pepper,
            "PEER_CONNECTIONS": str(THREADS),
            "PROMETHEUS_MULTIPROC_DIR": shared,
        }
        if is_lean:
            environment["PEER_LEAN"] = "1"
        environment.pop("PYTHONPATH")  # which hides FastAPI with the other development tools
        port = free_port()
        log = folder / f"{name}.log"
        with running_python(_uvicorn(application, port), environment, log) as process:
            peer = Contender(name, port, process.pid, key, address, STOCK_OF_PEER, is_lean=is_lean)
            peer.products = [row["id"] for row in rows]
            wait_until(lambda: process.poll() is not None or _answers(port), 60)
            if process.poll() is not None:
                raise SystemExit(log.read_text())
            yield peer


def _uvicorn(application: str, port: int) -> list[str]:
    return [
        "-m", "uvicorn", application, "--port", str(port), "--workers", str(PROCESSES),
        "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--no-proxy-headers",
        "--no-server-header", "--log-level", "warning",
    ]  # fmt: skip


@contextmanager
def _bare(folder: Path, server: RunningServer, size: int) -> Iterator[Contender]:
    (folder / "bare").mkdir()
    port = free_port()
    environment: Mapping[str, str] = {
        **server.environment,
        "PORT": str(port),
        "BARE_BYTES": str(size),
    }
    command = ["-m", "gunicorn", "--config=config/gunicorn.py", "tests.bench.bare:application"]
    with running_python(command, environment, folder / "bare" / "web.log") as process:
        wait_until(lambda: _answers(port), 60)
        yield Contender("bare WSGI", port, process.pid)


def _port(server: RunningServer) -> int:
    port = urlsplit(server.base_url).port
    assert port
    return port


def _answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def _bytes_of_a_product(ours: Contender) -> int:
    from urllib.request import Request

    address = f"http://127.0.0.1:{ours.port}/api/v1/products/{ours.products[0]}"
    with urlopen(Request(address, headers={"X-API-Key": ours.key}), timeout=10) as answer:
        return len(answer.read())


def _for_sqlalchemy(address: str, driver: str) -> str:
    return f"postgresql+{driver}://" + address.partition("://")[2]


def _vacuum(address: str) -> None:
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")


def python_version() -> str:
    return ".".join(map(str, sys.version_info[:3]))
