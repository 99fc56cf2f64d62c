"""How far the primary had come when a client was answered: so far its next list must reach.

A position is an address in the primary's log, in bytes. They are kept in Redis, in one hash: an
entry for each client, the highest that it was answered at, and ``since``, a position that covers
whoever has no entry. If Redis loses something, it loses ``since`` with it, or the epoch in which
that was written (``common.redis``): then everybody's past is covered by a new one, from now.
"""

from __future__ import annotations

from typing import Any, Final

from django.db import Error as DatabaseError
from django.db import connection

from common import redis
from common.redis import RedisUnavailable

KEPT_SECONDS: Final = 3_600
"""By then any replica that is in use has come as far; clients that went away are forgotten."""
SINCE: Final = "since"
OF_PRIMARY: Final = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')"
"""Behind everything that can be seen; unlike what was written to disk, also if a commit does not
wait for that."""
KEEP_HIGHEST: Final = """
local kept = redis.call('HGET', KEYS[1], ARGV[1])
if not kept or kept < ARGV[2] then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
end
"""


def client_of(user: Any) -> str:
    """Whose positions they are: an API client's, whatever secret it uses, or a staff member's."""
    return f"staff:{user.pk}" if user.is_staff else f"client:{user.id}"


def note(user: Any) -> None:
    """From now on, this client's lists show at least what can be seen at this moment.

    Never raises: what cannot be kept is covered by a new ``since``.
    """
    if not user.is_authenticated:
        return
    try:
        position = _written(_of_primary())
        (kept,) = redis.pipelined([("EVAL", KEEP_HIGHEST, 1, _key(), client_of(user), position)])
    except (DatabaseError, RedisUnavailable) as error:
        kept = error
    if isinstance(kept, Exception):
        forget()


def forget() -> None:
    """Nobody knows who has seen what: each one's next list is read from the primary."""
    redis.forget(_key())


def needed(user: Any) -> int | None:
    """How far a replica must have come for this client; None when only the primary will do."""
    question = [("GET", redis.epoch_key()), ("HMGET", _key(), SINCE, client_of(user))]
    try:
        match redis.pipelined(question):
            case [bytes(epoch), [bytes(since), bytes() | None as own]] if since[:-16] == epoch:
                return max(int(since[-16:], 16), int(own or b"0", 16))
            case [_, [_, _]]:
                _begin()
            case _:
                forget()  # something else is under that name
    except ValueError:
        forget()
    except (DatabaseError, RedisUnavailable):
        pass
    return None


def _begin() -> None:
    """Cover everything that was written until now."""
    epoch = redis.begin_epoch()
    since = epoch + _written(_of_primary()).encode()
    redis.pipelined([("HSET", _key(), SINCE, since), ("EXPIRE", _key(), KEPT_SECONDS)])


def _of_primary() -> int:
    with connection.cursor() as cursor:
        cursor.execute(OF_PRIMARY)
        (position,) = cursor.fetchone()
    return int(position)


def _written(position: int) -> str:
    """Always as long, so that Redis can compare them as text."""
    return f"{position:016x}"


def _key() -> str:
    return redis.key("replica", "positions")
