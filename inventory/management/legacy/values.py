"""Values as the two databases and their dumps write them.

The same value in another spelling is taken; a value that would have to be changed is not.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from rest_framework.serializers import ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
LARGEST: Final = Decimal(10) ** 18
INTEGER: Final = re.compile(r"-?[0-9]+", re.ASCII)
NUMBER: Final = re.compile(
    r"\s*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]{1,9})?)\s*", re.ASCII | re.IGNORECASE
)
CENT: Final = Decimal("0.01")
ARRAY: Final = re.compile(
    r'\{(?:(?:"(?:[^"\\]|\\.)*"|[^"{},\\]+)(?:,(?:"(?:[^"\\]|\\.)*"|[^"{},\\]+))*)?\}', re.DOTALL
)
ELEMENT: Final = re.compile(r'"((?:[^"\\]|\\.)*)"|([^"{},\\]+)', re.DOTALL)


def plain(value: Any) -> Any:
    """What MongoDB's extended JSON stands for: canonical, relaxed, or an ordinary value."""
    if not isinstance(value, dict) or len(value) != 1:
        return value
    ((kind, inner),) = value.items()
    try:
        return EXTENDED[kind](inner) if kind in EXTENDED else value
    except (ArithmeticError, AttributeError, TypeError, ValueError, KeyError):
        return value


def whole_number(value: Any) -> Any:
    """The integer that a number without a fraction is; other values as they are.

    MongoDB's shell keeps every number as a double.
    """
    if isinstance(value, Decimal) and value.is_finite() and value.copy_abs() <= LARGEST:
        return int(value) if value == value.to_integral_value() else value
    return value


def amount(value: Any) -> Any:
    """The amount that a number stands for, as text too: ``19.9900``, ``+5``, ``.5``, ``1e3``.

    Other values as they are. Raises ValidationError for a fraction of a cent.
    """
    if isinstance(value, str) and (match := NUMBER.fullmatch(value)):
        value = Decimal(match[1])
    if not isinstance(value, Decimal) or not value.is_finite() or value.copy_abs() > LARGEST:
        return value
    cents = value.quantize(CENT)
    if cents != value:
        raise ValidationError("More than two decimals.")
    return cents


def text(value: Any) -> Any:
    """A text whose lines end as they do here, with a newline alone; other values as they are."""
    if isinstance(value, str) and "\r" in value:
        return value.replace("\r\n", "\n").replace("\r", "\n")
    return value


def moment(value: Any) -> datetime:
    """An instant in UTC; a time without a zone is UTC already. Raises ValidationError."""
    if isinstance(value, str):
        value = _read_moment(value)
    if not isinstance(value, datetime):
        raise ValidationError("Not a date and time.")
    return value


def images(value: Any) -> Any:
    """A list, from a PostgreSQL array or a JSON list as text too; none when there is no value."""
    if value is None:
        return []
    if not isinstance(value, str):
        return value
    text = value.strip()
    if ARRAY.fullmatch(text):
        return [_element(*match.groups()) for match in ELEMENT.finditer(text)]
    try:
        read = json.loads(text or "[]")
    except (ValueError, RecursionError):
        raise ValidationError("Neither a PostgreSQL array nor a JSON list.") from None
    return [] if read is None else read


def _element(quoted: str | None, bare: str | None) -> str | None:
    if quoted is not None:
        return re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)
    return None if bare is None or bare.upper() == "NULL" else bare


def _read_moment(text: str) -> datetime | None:
    try:
        read = datetime.fromisoformat(text.strip())
        return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _date(inner: Any) -> Any:
    milliseconds = plain(inner)
    if isinstance(milliseconds, int):
        return EPOCH + timedelta(milliseconds=milliseconds)
    return _read_moment(inner) or inner


def _uuid_of(inner: dict[str, str]) -> str:
    if inner["subType"] not in {"4", "04"}:
        raise ValueError("An older subtype does not tell the order of its bytes.")
    return str(UUID(bytes=b64decode(inner["base64"])))


def _integer(inner: Any) -> int:
    """``int`` would cut a fraction off, and read ``5_0`` as fifty."""
    if type(inner) is int or (isinstance(inner, str) and INTEGER.fullmatch(inner)):
        return int(inner)
    raise ValueError("Not an integer.")


EXTENDED: Final[dict[str, Callable[[Any], Any]]] = {
    "$numberInt": _integer,
    "$numberLong": _integer,
    "$numberDouble": Decimal,
    "$numberDecimal": Decimal,
    "$date": _date,
    "$oid": str,
    "$uuid": str,
    "$binary": _uuid_of,
}
