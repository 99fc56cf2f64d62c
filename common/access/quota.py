"""How often a client may call: so many requests in the minute that its first one begins."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

from common import redis
from common.redis import RedisUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from common.access.verification import Client
    from common.redis import Command

WINDOW_SECONDS = 60
TRACKED_CLIENTS = 1024

# Counts and reads in one step, so that a window cannot end between the two and leave a counter
# that never ends. A count without an end, however it came there, gets one.
SPEND = """
local used = redis.call('INCRBY', KEYS[1], ARGV[2])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  left = tonumber(ARGV[1])
  redis.call('PEXPIRE', KEYS[1], left)
end
return {used, left}
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request is within the quota, and what is left of it until the window ends."""

    limit: int
    remaining: int
    reset_seconds: int
    allowed: bool


def spend(client: Client, number: int = 1) -> Verdict | None:
    """Count one request or more; None for a client without a quota, which costs nothing.

    While Redis is away, each process counts for itself: better too generous than closed.
    """
    wanted = commands(client, number)
    if not wanted:
        return None
    try:
        answers = redis.pipelined(wanted)
    except RedisUnavailable:
        return spend_here(client, number)
    return read(client, answers)


def commands(client: Client, number: int = 1) -> list[Command]:
    """What to send to Redis to count so many requests, together with other commands.

    Give their answers to ``read``, or call ``spend_here`` when Redis was unavailable.
    """
    if not client.quota:
        return []
    window = WINDOW_SECONDS * 1000
    return [("EVAL", SPEND, 1, redis.key("quota", client.id), window, number)]


def read(client: Client, answers: Sequence[Any]) -> Verdict | None:
    """The verdict from the answers to ``commands``."""
    match answers:
        case []:
            return None
        case [[int(used), int(left)]]:
            return _verdict(client, used, left / 1000)
        case _:  # Redis is full, or something else sits under that name
            return spend_here(client)


def headers(verdict: Verdict | None) -> dict[str, str]:
    """RateLimit headers (draft-ietf-httpapi-ratelimit-headers) for any answer to the request."""
    if verdict is None:
        return {}
    return {
        "RateLimit-Policy": f'"default";q={verdict.limit};w={WINDOW_SECONDS}',
        "RateLimit": f'"default";r={verdict.remaining};t={verdict.reset_seconds}',
    }


def spend_here(client: Client, number: int = 1) -> Verdict | None:
    """Count so many requests in this process alone."""
    if not client.quota:
        return None
    used, left = _windows.spend(client.id, number)
    return _verdict(client, used, left)


def _verdict(client: Client, used: int, left: float) -> Verdict:
    return Verdict(
        limit=client.quota,
        remaining=max(0, client.quota - used),
        reset_seconds=min(max(1, math.ceil(left)), WINDOW_SECONDS),  # 60.0 + now − now may be more
        allowed=used <= client.quota,
    )


class _Windows:
    """The counts of this process, for as long as Redis cannot keep them."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._counts: dict[UUID, tuple[float, int]] = {}

    def spend(self, client_id: UUID, number: int) -> tuple[int, float]:
        """Requests so far, these included, and seconds to the end of the window."""
        now = monotonic()
        with self._guard:
            ends, used = self._counts.get(client_id, (0.0, 0))
            if ends <= now:
                ends, used = now + WINDOW_SECONDS, 0
                self._drop_ended(now)
            self._counts[client_id] = ends, used + number
        return used + number, ends - now

    def _drop_ended(self, now: float) -> None:
        if len(self._counts) >= TRACKED_CLIENTS:
            self._counts = {who: count for who, count in self._counts.items() if count[0] > now}


_windows = _Windows()
