"""Messages as other systems send them, made up."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

BEGAN = datetime(2026, 1, 1, 12, tzinfo=UTC)
_numbers = count(1)


def at(minutes: float) -> str:
    """So many minutes after the time when made-up things begin."""
    return (BEGAN + timedelta(minutes=minutes)).isoformat()


def envelope(kind: str, data: Any, /, **attributes: Any) -> dict[str, Any]:
    """A CloudEvents envelope; None leaves an attribute out."""
    own = {
        "specversion": "1.0",
        "id": f"message-{next(_numbers)}",
        "source": "/shop",
        "type": kind,
        "time": at(0),
        "datacontenttype": "application/json",
        "data": data,
    }
    whole = own | attributes
    return {name: value for name, value in whole.items() if value is not None}


def message(kind: str, data: Any, /, **attributes: Any) -> bytes:
    """The bytes of such an envelope."""
    return json.dumps(envelope(kind, data, **attributes)).encode()
