"""What a message is called, whatever else is wrong with it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from common.api.documents import parse_json
from common.api.errors import Malformed
from common.inbox.reading import LARGEST

VISIBLE: Final = re.compile(r"[!-~]{1,128}")


@dataclass(frozen=True, slots=True)
class Name:
    """Id, type and source of an event, each up to 128 visible ASCII characters, or empty."""

    id: str = ""
    type: str = ""
    source: str = ""


NAMELESS: Final = Name()


def name_of(body: bytes) -> Name:
    """As far as the bytes tell it in a way that can be shown, logged and typed."""
    envelope = _envelope(body)
    return Name(*(_visible(envelope.get(attribute)) for attribute in ("id", "type", "source")))


def _envelope(body: bytes) -> dict[str, Any]:
    try:
        value = parse_json(body) if len(body) <= LARGEST else None
    except Malformed:
        return {}
    return value if isinstance(value, dict) else {}


def _visible(value: Any) -> str:
    return value if isinstance(value, str) and VISIBLE.fullmatch(value) else ""
