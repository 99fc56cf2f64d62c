"""Where apps say which types of messages they handle. They register in ``AppConfig.ready()``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Message:
    """An event or a command from elsewhere, in a form that has been checked.

    ``source`` and ``id`` together name it; ``time`` is when it happened there, ``subject`` what it
    is about (an order reference, a batch reference), ``request_id`` what we write down as its
    cause.
    """

    source: str
    id: str
    type: str
    time: datetime
    subject: str
    request_id: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """How messages of one type are handled.

    ``schema`` is the file with the JSON Schema of their data, ``subject`` what such data are
    about. ``apply`` makes them true, inside a transaction that it did not open: it refuses with a
    DomainError, or with TooEarly where the same message may be right in a while.
    """

    schema: Path
    subject: Callable[[Mapping[str, Any]], str]
    apply: Callable[[Message], object]


kinds: dict[str, Kind] = {}
"""By type, such as ``order.placed``."""
