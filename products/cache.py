"""The finished default representation of a product, kept in Redis (docs/adr/0007).

An entry is bytes that can be sent as they are, but for the origin in its links. It is kept under
a lease that a write takes away: whoever read the row before the write can no longer keep what it
rendered, so no stale entry survives a write.
"""

from __future__ import annotations

import secrets
import threading
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings

from common import redis
from common.observability.metrics import cache_reads
from common.redis import RedisUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from common.redis import Command

HITS, MISSES, UNAVAILABLE = map(cache_reads.labels, ("hit", "miss", "unavailable"))
"""Products asked for, each counted once, by whoever knows in the end what came back."""
LEASE: Final = b"lease:"
LEASE_MILLISECONDS: Final = 5_000
LONGEST_WAIT: Final = 0.25  # seconds
KEEP: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
end
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One version of a product as it is sent; the origin in its links is still to be filled in."""

    version: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to keep an entry, until a write takes it away."""

    token: bytes
    epoch: bytes


def key(product_id: UUID | str) -> str:
    return redis.key("product", str(product_id).lower())


def commands(product_id: UUID | str) -> list[Command]:
    """What to send to Redis to read an entry; give the answers to ``read``."""
    return [("MGET", redis.epoch_key(), key(product_id))]


def read(answers: list[Any]) -> Entry | None:
    """The entry, unless it is missing, from before an outage, or not one of ours."""
    match answers:
        case [[bytes(epoch), bytes(stored)]]:
            return _unpacked(stored, epoch)
    return None


def get(product_id: UUID | str) -> Entry | None:
    """The entry; raises RedisUnavailable."""
    return read(redis.pipelined(commands(product_id)))


def take_lease(product_id: UUID | str) -> Lease | None:
    """The right to keep an entry for this product; None while another has it or Redis is away.

    Take it before reading the row. What lies there and is no entry of today is removed.
    """
    token = LEASE + secrets.token_hex(8).encode()
    name = key(product_id)
    try:
        epoch = redis.begin_epoch()
        answers = redis.pipelined([("GET", name)])
        if isinstance(answers[0], bytes) and answers[0].startswith(LEASE):
            return None
        if answers[0] is not None and read([[epoch, answers[0]]]) is None:
            redis.pipelined([("DEL", name)])
        (taken,) = redis.pipelined([("SET", name, token, "NX", "PX", LEASE_MILLISECONDS)])
    except RedisUnavailable:
        return None
    return Lease(token, epoch) if taken == b"OK" else None


def keep(product_id: UUID | str, lease: Lease, entry: Entry) -> None:
    """Keep an entry, if no write has taken the lease away meanwhile."""
    stored = _packed(entry, lease.epoch)
    try:
        seconds = settings.PRODUCT_CACHE_SECONDS
        redis.pipelined([("EVAL", KEEP, 1, key(product_id), lease.token, stored, seconds)])
    except RedisUnavailable:
        return


def forget(product_id: UUID) -> None:
    """Drop the entry and any lease on it. Call it after the commit."""
    redis.forget(key(product_id))


def forget_all() -> None:
    """Drop every entry and any lease: none of another epoch is served or kept."""
    redis.forget(redis.epoch_key())


@contextmanager
def one_at_a_time(product_id: UUID | str) -> Iterator[None]:
    """Let one thread of this process fill an entry; the others wait for it and find it then.

    They do not wait for long: where the database does not answer, each had better ask it itself.
    """
    name = str(product_id).lower()
    with _guard:
        lock, waiting = _fills.get(name, (threading.Lock(), 0))
        _fills[name] = (lock, waiting + 1)
    is_mine = lock.acquire(timeout=LONGEST_WAIT)
    try:
        yield
    finally:
        if is_mine:
            lock.release()
        with _guard:
            lock, waiting = _fills[name]
            if waiting == 1:
                del _fills[name]
            else:
                _fills[name] = (lock, waiting - 1)


_guard = threading.Lock()
_fills: dict[str, tuple[threading.Lock, int]] = {}


def _packed(entry: Entry, epoch: bytes) -> bytes:
    content = b"%s\n%d\n%s" % (epoch, entry.version, entry.body)
    return b"%08x\n%s" % (zlib.crc32(content), content)


def _unpacked(stored: bytes, epoch: bytes) -> Entry | None:
    checksum, _, content = stored.partition(b"\n")
    if checksum != b"%08x" % zlib.crc32(content):
        return None
    if not content.startswith(epoch + b"\n"):
        return None
    _, version, body = content.split(b"\n", 2)
    return Entry(int(version), body)
