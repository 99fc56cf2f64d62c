"""Whether the things we depend on answer: asked at most once a second, waited for at most one.

A frozen server accepts connections and then says nothing, and no time-out of a client library
covers every step of asking. So each dependency is asked in a thread of its own, on a connection
of its own: what never answers keeps that one thread and is not asked again until it lets go.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.executor import MigrationExecutor
from django_redis import get_redis_connection
from kombu.connection import Connection as BrokerConnection
from redis.backoff import NoBackoff
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from common.observability.logs import get_logger
from common.replica.routing import REPLICA, is_configured
from common.replica.standing import MOST_LAG_SECONDS, standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.db.backends.base.base import BaseDatabaseWrapper

logger = get_logger(__name__)

PATIENCE: Final = 1.0
"""Seconds that a dependency has for its answer."""
FRESH: Final = 1.0
"""Seconds for which nothing is asked again."""
USABLE: Final = 3.0
"""Seconds for which findings will do for callers who come while they are being renewed."""

HEALTHY: Final = "healthy"
UNHEALTHY: Final = "unhealthy"
NOT_CONFIGURED: Final = "not_configured"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one probe found; the reason is for the log only, for it may name hosts and users."""

    status: str
    message: str
    reason: str = ""

    @property
    def shown(self) -> dict[str, str]:
        return {"status": self.status, "message": self.message}


SILENT: Final = Finding(UNHEALTHY, f"Does not answer within {PATIENCE:g} s.")


class Probe:
    """Asks one dependency, which either answers, raises, or is given up."""

    def __init__(self, ask: Callable[[], Finding]) -> None:
        self._ask = ask
        self._thread: threading.Thread | None = None
        self._give_up_at = 0.0
        self._finding = SILENT

    def begin(self) -> None:
        """Ask, unless the last question is still open."""
        if self._thread is not None and self._thread.is_alive():
            return
        self._give_up_at = monotonic() + PATIENCE
        self._thread = threading.Thread(target=self._run, name=self._ask.__name__, daemon=True)
        self._thread.start()

    def finding(self) -> Finding:
        """The answer to what was begun; waits for it only as long as patience lasts."""
        if self._thread is None:
            return SILENT
        self._thread.join(max(0.0, self._give_up_at - monotonic()))
        return SILENT if self._thread.is_alive() else self._finding

    def _run(self) -> None:
        try:
            self._finding = self._ask()
        except (TimeoutError, RedisTimeoutError):
            self._finding = SILENT
        except Exception as error:
            self._finding = Finding(UNHEALTHY, f"{type(error).__name__}.", reason=str(error))


class Inspection:
    """The latest findings of several probes, renewed by one caller at a time.

    However many ask, no dependency sees more than one question in ``fresh`` seconds, and at most
    one web thread waits for the answers (all of them only when there are no ``usable`` findings).
    """

    def __init__(self, fresh: float = FRESH, usable: float = USABLE, /, **probes: Probe) -> None:
        self._fresh, self._usable = fresh, usable
        self._probes = probes
        self._findings: dict[str, Finding] = {}
        self._renewed_at = -inf
        self._renewing = threading.Lock()

    def add(self, name: str, probe: Probe) -> None:
        """One more to ask, of an app that registers it in ``AppConfig.ready()``."""
        self._probes[name] = probe

    def findings(self) -> dict[str, Finding]:
        if self._age() < self._fresh:
            return self._findings
        if self._renewing.acquire(blocking=self._age() > self._usable):
            try:
                if self._age() >= self._fresh:  # nobody renewed them while we waited
                    self._renew()
            finally:
                self._renewing.release()
        return self._findings

    def _age(self) -> float:
        return monotonic() - self._renewed_at

    def _renew(self) -> None:
        for probe in self._probes.values():
            probe.begin()
        findings = {name: probe.finding() for name, probe in self._probes.items()}
        for name, finding in findings.items():
            _log_change(name, self._findings.get(name), finding)
        self._findings, self._renewed_at = findings, monotonic()


def _log_change(name: str, before: Finding | None, now: Finding) -> None:
    if now.status == UNHEALTHY and (before is None or before.status != UNHEALTHY):
        logger.warning("probe_failed", probe=name, message=now.message, reason=now.reason)
    elif before is not None and before.status == UNHEALTHY and now.status != UNHEALTHY:
        logger.info("probe_recovered", probe=name)


@contextmanager
def own_connection(alias: str = DEFAULT_DB_ALIAS) -> Iterator[BaseDatabaseWrapper]:
    """The probe's thread has a connection of its own, like any; but nobody else closes it."""
    connection = connections[alias]
    try:
        yield connection
    finally:
        connection.close()


def ask_database() -> Finding:
    """A new connection can be made, and a statement is executed on it."""
    with own_connection() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return Finding(HEALTHY, "Connected.")


def ask_replica() -> Finding:
    """It answers, follows a primary, and is not so late that lists are not read there."""
    with own_connection(REPLICA) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_is_in_recovery()")
        (is_replica,) = cursor.fetchone()
    if not is_replica:
        return Finding(UNHEALTHY, "Not a replica.")
    if (standing().lag_seconds or 0.0) > MOST_LAG_SECONDS:
        return Finding(UNHEALTHY, f"More than {MOST_LAG_SECONDS:g} s behind.")
    return Finding(HEALTHY, "Connected.")


def ask_migrations() -> Finding:
    """The tables are those that this code expects."""
    with own_connection() as connection:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        return Finding(UNHEALTHY, f"Not applied: {len(missing)}.")
    return Finding(HEALTHY, "All applied.")


def ask_cache() -> Finding:
    pool = get_redis_connection("default").connection_pool
    own = {
        "socket_timeout": PATIENCE,
        "socket_connect_timeout": PATIENCE,
        "retry": Retry(NoBackoff(), 0),
    }
    connection = pool.connection_class(**(pool.connection_kwargs | own))
    try:
        connection.send_command("PING")
        connection.read_response()
    finally:
        connection.disconnect()
    return Finding(HEALTHY, "Connected.")


def ask_broker() -> Finding:
    """The broker lets us in: an AMQP handshake, or a PING where Redis is the broker."""
    url = settings.CELERY_BROKER_URL
    if not url:
        return Finding(NOT_CONFIGURED, "No message broker is configured.")
    broker = BrokerConnection(url, connect_timeout=PATIENCE)  # type: ignore[no-untyped-call]
    transport = broker.transport
    transport.close_connection(transport.establish_connection())
    return Finding(HEALTHY, "Connected.")


inspection: Final = Inspection(
    database=Probe(ask_database),
    migrations=Probe(ask_migrations),
    cache=Probe(ask_cache),
    broker=Probe(ask_broker),
    **({"replica": Probe(ask_replica)} if is_configured() else {}),
)
