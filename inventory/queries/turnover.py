"""What has moved in the last four weeks, in sight of everything: by reason, by day, by product."""

from __future__ import annotations

import json
import zlib
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection

from common import redis
from common.redis import RedisUnavailable
from inventory.queries.cover import DAY, GONE, period

MOVERS: Final = 10
KEPT_SECONDS: Final = 4_500
"""The summary changes every hour, and is read anew for everybody by the task that changes it."""
BY_DAY: Final = """
SELECT day, reason, sum(units) FILTER (WHERE units > 0), sum(units) FILTER (WHERE units < 0),
    sum(movements)
FROM inventory_stockday WHERE day BETWEEN %(first)s AND %(last)s
GROUP BY day, reason
"""
TOP: Final = f"""
SELECT product.id, product.sku, product.name, top.units FROM (
    SELECT level.product_id, -sum(gone.units) AS units
    FROM ({GONE.format(of_levels="", of_undone="")}) AS gone
    JOIN inventory_stocklevel AS level ON level.id = gone.stock_level_id
    GROUP BY level.product_id HAVING sum(gone.units) < 0
    ORDER BY units DESC, level.product_id LIMIT %(limit)s
) AS top JOIN products_product AS product ON product.id = top.product_id
WHERE product.deleted_at IS NULL
ORDER BY top.units DESC, product.id
"""  # noqa: S608  our own text


@dataclass(frozen=True, slots=True)
class OfReason:
    """Units that came and went (negative) for one reason."""

    reason: str
    came: int
    went: int
    movements: int


@dataclass(frozen=True, slots=True)
class OfDay:
    """Units that came to us and left us (negative) on one day, transfers aside."""

    day: date
    came: int
    went: int


@dataclass(frozen=True, slots=True)
class Mover:
    """A product, and how many of it were sold."""

    product_id: UUID
    sku: str
    name: str
    units: int


@dataclass(frozen=True, slots=True)
class Turnover:
    """The last 28 whole days; every one of them is there, the oldest first."""

    first: date
    last: date
    reasons: list[OfReason]
    days: list[OfDay]
    movers: list[Mover]


def kept_turnover() -> Turnover:
    """The turnover as it was when it was read last, from Redis; read now where nobody has."""
    return _kept() or keep_turnover()


def keep_turnover() -> Turnover:
    """Read the turnover, and keep it for those who ask next."""
    try:
        epoch = redis.begin_epoch()
    except RedisUnavailable:
        return turnover()
    found = turnover()
    with suppress(RedisUnavailable):
        redis.pipelined([("SET", _key(), _packed(found, epoch), "EX", KEPT_SECONDS)])
    return found


def forget_turnover() -> None:
    """The summary has changed."""
    redis.forget(_key())


def _key() -> str:
    return redis.key("turnover", period()["last"])


def _kept() -> Turnover | None:
    """What Redis has, unless it is from before an outage, of another release, or not ours."""
    with suppress(RedisUnavailable):
        match redis.pipelined([("MGET", redis.epoch_key(), _key())]):
            case [[bytes(epoch), bytes(stored)]]:
                return _unpacked(stored, epoch)
    return None


def _packed(found: Turnover, epoch: bytes) -> bytes:
    text = json.dumps(asdict(found), cls=DjangoJSONEncoder)
    content = b"%s\n%s" % (epoch, text.encode())
    return b"%08x\n%s" % (zlib.crc32(content), content)


def _unpacked(stored: bytes, epoch: bytes) -> Turnover | None:
    checksum, _, content = stored.partition(b"\n")
    if checksum != b"%08x" % zlib.crc32(content):
        return None
    written_in, _, text = content.partition(b"\n")
    if written_in != epoch:
        return None
    with suppress(ValueError, TypeError, KeyError, AttributeError):  # another release wrote it
        return _read(json.loads(text))
    return None


def _read(found: Any) -> Turnover:
    return Turnover(
        date.fromisoformat(found["first"]),
        date.fromisoformat(found["last"]),
        [OfReason(**one) for one in found["reasons"]],
        [OfDay(date.fromisoformat(one.pop("day")), **one) for one in found["days"]],
        [Mover(UUID(one.pop("product_id")), **one) for one in found["movers"]],
    )


def turnover() -> Turnover:
    """Read the summary of the last 28 days, in two queries.

    It goes through all rows of those days: keep the answer for those who ask next.
    """
    of = period()
    with connection.cursor() as cursor:
        cursor.execute(BY_DAY, of)
        rows = cursor.fetchall()
        cursor.execute(TOP, of | {"limit": MOVERS})
        movers = [Mover(pk, sku, name, int(units)) for pk, sku, name, units in cursor.fetchall()]
    return Turnover(of["first"], of["last"], _by_reason(rows), _by_day(rows, of), movers)


def _by_reason(rows: list[Any]) -> list[OfReason]:
    """Those for which anything moved, the most movements first."""
    sums: dict[str, tuple[int, int, int]] = {}
    for _, reason, came, went, movements in rows:
        before = sums.get(reason, (0, 0, 0))
        more = (int(came or 0), int(went or 0), int(movements))
        sums[reason] = (before[0] + more[0], before[1] + more[1], before[2] + more[2])
    found = [OfReason(reason, *figures) for reason, figures in sums.items()]
    return sorted(found, key=lambda one: (-one.movements, one.reason))


def _by_day(rows: list[Any], of: dict[str, Any]) -> list[OfDay]:
    count = (of["last"] - of["first"]).days + 1
    sums = {of["first"] + number * DAY: (0, 0) for number in range(count)}
    for day, reason, came, went, _ in rows:
        if not reason.startswith("transfer"):
            before = sums[day]
            sums[day] = (before[0] + int(came or 0), before[1] + int(went or 0))
    return [OfDay(day, came, went) for day, (came, went) in sums.items()]
