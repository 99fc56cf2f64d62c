"""The one way to Redis for the cache and the quotas: quick while it answers, harmless while not.

Every thread keeps a connection of its own and sends its commands together, in one round trip.
When Redis does not answer, the process stops asking: callers get ``RedisUnavailable`` at once and
do their work without it, while one background thread knocks until Redis answers again.

What was cached before an outage must not be served after it, for nobody could tell Redis what
changed meanwhile. So every cached entry carries the *epoch* in which it was written, a random
token under ``epoch_key()``, and is served only while that is still the current one. The knocking
thread ends the outage by deleting the epoch; the next writer of an entry begins a new one.
(Deleting works where setting does not: when Redis is full.)

A process that was idle would not know of an outage, so each one looks every second. One that could
not forget an entry does not end before the epoch has, or the others have had time to look.
"""

from __future__ import annotations

import atexit
import logging
import os
import secrets
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver
from django_redis import get_redis_connection
from redis.backoff import NoBackoff
from redis.exceptions import DataError, RedisError, ResponseError
from redis.retry import Retry

from common.observability import tracing

if TYPE_CHECKING:
    from collections.abc import Sequence

logger = logging.getLogger(__name__)

Command = tuple[str | bytes | int, ...]

LONGEST_SECONDS = 0.3
"""That a caller waits: once, for then the process stops asking."""
KNOCK_SECONDS = 0.1
LOOK_SECONDS = 1.0
RECOVERY_THREAD = "redis-recovery"


class RedisUnavailable(Exception):
    """Redis does not answer: go on without it."""


def key(*parts: object) -> str:
    """The name of something of ours in Redis, which may serve other programs too."""
    return ":".join((settings.CACHES["default"]["KEY_PREFIX"], *map(str, parts)))


def pipelined(commands: Sequence[Command]) -> list[Any]:
    """Send the commands in one round trip; their answers, in order.

    A command that Redis refuses (full, wrong type, read only) answers with the ``ResponseError``;
    the others are not affected. Raises RedisUnavailable when Redis does not answer.
    """
    if not tracing.is_recording():
        return _line.exchange(commands)
    about = {"db.system.name": "redis", "db.operation.batch.size": len(commands)}
    with tracing.within(f"redis {commands[0][0]!s}", "client", about):
        return _line.exchange(commands)


def forget(*keys: str) -> None:
    """Delete these cached entries before anyone can read them again. Never raises.

    If Redis cannot be told, nothing that it holds now is served again: this process reads no
    entry until it has ended the epoch.
    """
    try:
        (deleted,) = _line.exchange([("DEL", *keys)])
    except RedisUnavailable as error:
        deleted = error
    if isinstance(deleted, Exception):
        _line.owes = True
        _line.give_up(deleted)


def epoch_key() -> str:
    """Where the current epoch is: read it together with an entry, and serve equals only."""
    return key("epoch")


def begin_epoch() -> bytes:
    """The current epoch, begun now when there is none. Raises RedisUnavailable.

    Read it before the database: an entry computed from older rows must not join a newer epoch.
    """
    name = epoch_key()
    _, epoch = pipelined([("SET", name, secrets.token_hex(8), "NX"), ("GET", name)])
    if not isinstance(epoch, bytes):  # full, or something else sits under that name
        raise RedisUnavailable
    return epoch


class _Line:
    """This process's line to Redis: a connection for each thread, and what it does when dead.

    A connection that Redis closed is an outage too: it may have come back with old entries.
    """

    def __init__(self) -> None:
        self.is_down = False
        self.owes = False
        """Whether something could not be forgotten since the last epoch was ended."""
        self._is_watched = False
        self._failures = 0
        self._guard = threading.Lock()
        self._thread = threading.local()

    def exchange(self, commands: Sequence[Command]) -> list[Any]:
        if not self._is_watched:
            self._is_watched = True
            threading.Thread(target=self._watch, name="redis-watch", daemon=True).start()
        if self.is_down:
            raise RedisUnavailable
        try:
            return self._converse(commands)
        except DataError:  # a bug of the caller's, not of Redis
            raise
        except (RedisError, OSError) as error:
            self.give_up(error)
            raise RedisUnavailable from error

    def give_up(self, reason: Exception) -> None:
        """Ask Redis for nothing until its epoch has been ended."""
        with self._guard:
            self._failures += 1
            if self.is_down:
                return
            self.is_down = True
            self._thread = threading.local()  # the other threads' connections are as dead
        logger.warning("Redis is unavailable; going on without it: %r", reason)
        threading.Thread(target=self._recover, name=RECOVERY_THREAD, daemon=True).start()

    def _converse(self, commands: Sequence[Command]) -> list[Any]:
        connection = self._connection()
        message = connection.pack_commands(commands)
        try:
            connection.send_packed_command(message)
            return [_answer(connection) for _ in commands]
        except BaseException:
            connection.disconnect()  # an answer still to come would be taken for the next one's
            raise

    def _connection(self) -> Any:
        """The calling thread's own connection; it connects by itself when it is used."""
        if not hasattr(self._thread, "connection"):
            self._thread.connection = _new_connection()
        return self._thread.connection

    def _watch(self) -> None:
        while self is _line:
            time.sleep(LOOK_SECONDS)
            with suppress(RedisUnavailable):
                self.exchange([("PING",)])

    def _recover(self) -> None:
        while self is _line:
            if self._epoch_ended():
                logger.info("Redis is available again; what it had cached before is forgotten")
                return
            time.sleep(KNOCK_SECONDS)

    def _epoch_ended(self) -> bool:
        """Whether Redis has dropped the epoch, and no entry was left unforgotten since then."""
        failures = self._failures
        try:
            (deleted,) = self._converse([("DEL", epoch_key())])
        except Exception:  # whatever went wrong, the thread must go on knocking
            return False
        if isinstance(deleted, Exception):
            return False
        with self._guard:
            self.is_down = self._failures != failures
            self.owes = self.owes and self.is_down
        return not self.is_down


def _new_connection() -> Any:
    """A connection as the settings describe it, but with our patience and without retries.

    Not from the pool: lending and taking back costs as much as the round trip itself.
    """
    pool = get_redis_connection("default").connection_pool
    ours = {
        "socket_timeout": LONGEST_SECONDS,
        "socket_connect_timeout": LONGEST_SECONDS,
        "retry": Retry(NoBackoff(), 0),
    }
    return pool.connection_class(**(pool.connection_kwargs | ours))


def _answer(connection: Any) -> Any:
    """One answer; a refused command answers with its error."""
    try:
        return connection.read_response()
    except ResponseError as error:
        return error


_line = _Line()


def start_afresh() -> None:
    """Drop all connections and what is known about Redis: after a fork, and for tests."""
    global _line  # noqa: PLW0603  one line for each process
    _line = _Line()


@receiver(setting_changed)
def _follow_the_settings(*, setting: str, **_: object) -> None:
    if setting == "CACHES":
        start_afresh()


@atexit.register
def _pay() -> None:
    """Before this process ends: let what it could not forget be forgotten."""
    give_up_at = time.monotonic() + 3 * LOOK_SECONDS
    while _line.owes and time.monotonic() < give_up_at:
        time.sleep(KNOCK_SECONDS)


os.register_at_fork(after_in_child=start_afresh)
