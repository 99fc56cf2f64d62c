"""The gRPC server: one process, for grpcio and fork do not go together, and a pool of threads."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import grpc
from django.conf import settings
from django.db import connections
from django.utils.module_loading import import_string
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from common.observability.logs import get_logger
from common.observability.metrics import rpc_threads
from common.observability.probes import HEALTHY, Probe, ask_database
from common.rpc.bounds import Patience, Places
from common.rpc.calls import Calls
from common.rpc.doors import HEALTH, wait_until_told

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

logger: Final = get_logger(__name__)

GRACE: Final = 25.0
"""Seconds that calls under way have when we are to stop."""
TOLD_WITHIN: Final = 1.0
"""Seconds in which watchers take the news that we stop, or do without."""
LOOK_EVERY: Final = 5.0
"""Seconds between looks at the database."""
WAITING: Final = 4
"""Calls that may wait for each thread; who comes then is sent away at once."""
MESSAGE_BYTES: Final = 2**20

LIVENESS: Final = "liveness"
"""By this name it is asked whether the server answers, whatever it depends on."""

OPTIONS: Final = {
    "grpc.so_reuseport": 0,  # a second server on the same port is a mistake, and is told so
    "grpc.max_receive_message_length": MESSAGE_BYTES,
    # A connection is for one server, however many there are: so that new ones get their part.
    "grpc.max_connection_age_ms": 300_000,
    "grpc.max_connection_age_grace_ms": 30_000,
    # Whoever has vanished without a word is found out, and whoever asks us likewise may do so.
    "grpc.keepalive_time_ms": 60_000,
    "grpc.keepalive_timeout_ms": 20_000,
    "grpc.http2.min_ping_interval_without_data_ms": 30_000,
}


class AddressTaken(Exception):
    """The port cannot be had."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What the server proves itself with: PEM files."""

    chain: Path
    key: Path

    def credentials(self) -> grpc.ServerCredentials:
        """Raises OSError for files that cannot be read."""
        return grpc.ssl_server_credentials([(self.key.read_bytes(), self.chain.read_bytes())])


class Server:
    """All services of settings.RPC_SERVICES, with health and reflection, on one port."""

    def __init__(
        self, address: str, *, threads: int, certificate: Certificate | None = None
    ) -> None:
        """Raises AddressTaken; port 0 takes any that is free."""
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, "rpc")
        self._places, self._patience = Places(threads * (1 + WAITING)), Patience()
        self._server = grpc.server(
            self._pool,
            interceptors=[Calls(self._places, self._patience)],
            options=list(OPTIONS.items()),
        )
        self.health = health.HealthServicer()
        self._names = [name for add in _services() for name in add(self._server)]
        health_pb2_grpc.add_HealthServicer_to_server(self.health, self._server)
        reflection.enable_server_reflection(
            [*self._names, HEALTH, reflection.SERVICE_NAME], self._server
        )
        self.port = self._bound(address, certificate)

    def _bound(self, address: str, certificate: Certificate | None) -> int:
        try:
            if certificate is None:
                port = self._server.add_insecure_port(address)
            else:
                port = self._server.add_secure_port(address, certificate.credentials())
        except RuntimeError as error:
            raise AddressTaken(address) from error
        return int(port)

    def start(self) -> None:
        rpc_threads.set(self._threads)
        self.health.set(LIVENESS, health_pb2.HealthCheckResponse.SERVING)
        self.tell_health(is_well=True)
        self._patience.start()
        self._server.start()

    def tell_health(self, *, is_well: bool) -> None:
        """To those who ask or watch, of the server as a whole and of each service."""
        statuses = health_pb2.HealthCheckResponse
        status = statuses.SERVING if is_well else statuses.NOT_SERVING
        for name in ("", *self._names):
            self.health.set(name, status)

    def stop(self, grace: float = GRACE) -> None:
        """Say that we do; take no more calls; let those under way end, for so many seconds.

        Whoever only watches, or looks round, is not waited for.
        """
        self.health.enter_graceful_shutdown()
        wait_until_told(TOLD_WITHIN)
        self._server.stop(grace)
        self._places.wait_until_empty(grace)
        self._server.stop(None)
        self._patience.stop()
        self._close_connections()
        self._pool.shutdown(wait=False)

    def _close_connections(self) -> None:
        """Each thread has its own to the database, and must close it itself."""
        all_here = threading.Barrier(self._threads)

        def close() -> None:
            with suppress(threading.BrokenBarrierError):  # one of them is still at work
                all_here.wait(1.0)
            connections.close_all()

        wait([self._pool.submit(close) for _ in range(self._threads)], timeout=2.0)


def run(server: Server, stop: threading.Event) -> None:
    """Serve until told to stop; meanwhile tell of our health, which is the database's."""
    server.start()
    logger.info("grpc_started", port=server.port)
    database = Probe(ask_database)
    while not stop.is_set():
        database.begin()
        server.tell_health(is_well=database.finding().status == HEALTHY)
        stop.wait(LOOK_EVERY)
    logger.info("grpc_stopping")
    server.stop()


def _services() -> list[Callable[[grpc.Server], list[str]]]:
    """Each adds services of an app to a server, and returns their names."""
    return [import_string(name) for name in settings.RPC_SERVICES]
