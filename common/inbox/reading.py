"""From the bytes of a message to what it says, or why it cannot be understood."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django.utils import timezone
from jsonschema import Draft202012Validator
from jsonschema.validators import extend

from common.api.documents import parse_json
from common.api.errors import Malformed
from common.inbox.errors import InvalidData, NoEnvelope, NotJson, TooLarge, UnknownType
from common.inbox.kinds import Message, kinds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jsonschema import ValidationError

    from common.errors import DomainError

LARGEST: Final = 2**20
AHEAD: Final = timedelta(hours=1)
"""By so much another's clock may be wrong. What lies further ahead would outdate the truth."""
ENVELOPE: Final = Path(__file__).parent / "v1" / "envelope.json"
REQUEST_ID: Final = re.compile(r"[!-~]{1,128}")
MOST_TOLD: Final = 3
LONGEST_WORDS: Final = 200
DECIMAL: Final = re.compile(r"Decimal\('([^']*)'\)")


def read(body: bytes) -> Message:
    """What the bytes say: a CloudEvents 1.0 envelope in JSON, with data as their type has them.

    Attributes that nobody knows are ignored. Refuses with TooLarge, NotJson, NoEnvelope,
    UnknownType and InvalidData.
    """
    if len(body) > LARGEST:
        raise TooLarge(f"It has {len(body)} bytes; at most {LARGEST} are read.")
    envelope = _envelope(body)
    kind = kinds.get(envelope["type"])
    if kind is None:
        raise UnknownType(f"Events of the type {envelope['type'][:64]!r} are not handled here.")
    _check(kind.schema, envelope["data"], InvalidData)
    return Message(
        source=envelope["source"],
        id=envelope["id"],
        type=envelope["type"],
        time=_time(envelope["time"]),
        subject=kind.subject(envelope["data"]),
        request_id=_request_id(envelope),
        data=envelope["data"],
    )


def _envelope(body: bytes) -> dict[str, Any]:
    try:
        envelope = parse_json(body)
    except Malformed as error:
        raise NotJson(str(error.detail)) from error
    _check(ENVELOPE, envelope, NoEnvelope)
    return envelope  # type: ignore[no-any-return]  # its schema says that it is an object


def _check(schema: Path, value: Any, refusal: type[DomainError]) -> None:
    """Refuse what the schema does not allow, in the words of the first few violations.

    Others are not looked for: a small message may have very many.
    """
    errors = islice(_validator(schema).iter_errors(value), MOST_TOLD)
    if told := "; ".join(f"{one.json_path}: {_words(one)}" for one in errors):
        raise refusal(told)


def _words(error: ValidationError) -> str:
    """What is wrong, in terms of JSON."""
    words = DECIMAL.sub(r"\1", error.message)[:LONGEST_WORDS]
    is_about_integers = (error.validator, error.validator_value) == ("type", "integer")
    if is_about_integers and isinstance(error.instance, Decimal):
        words += ": write it without a fraction or an exponent"
    return words


def _items(validator: Any, items: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
    """Look into a list, unless it is refused for its length already: that is enough."""
    if not isinstance(value, list) or len(value) <= schema.get("maxItems", len(value)):
        yield from Draft202012Validator.VALIDATORS["items"](validator, items, value, schema)


Validator: Final[Any] = extend(Draft202012Validator, {"items": _items})


@cache
def _validator(schema: Path) -> Any:
    return Validator(
        json.loads(schema.read_text()), format_checker=Draft202012Validator.FORMAT_CHECKER
    )


def _time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError as error:
        raise NoEnvelope(f"$.time: {text!r} is no moment.") from error
    if moment > timezone.now() + AHEAD:
        raise NoEnvelope(f"$.time: {text} lies in the future.")
    return moment


def _request_id(envelope: dict[str, Any]) -> str:
    """The request that caused it elsewhere, where that is told; otherwise the event's own id."""
    told = envelope.get("requestid")
    is_usable = isinstance(told, str) and REQUEST_ID.fullmatch(told)
    return str(told if is_usable else envelope["id"])
