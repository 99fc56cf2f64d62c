"""Documents as bytes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from rest_framework.utils.encoders import JSONEncoder

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION: Final = {"jsonapi": {"version": "1.1"}}


def encoded(document: Mapping[str, Any], indent: int | None = None) -> bytes:
    """A document with what stands at the top of every one, in UTF-8 and without white space."""
    separators = (",", ": " if indent else ":")
    text = json.dumps(
        {**VERSION, **document},
        cls=JSONEncoder,
        ensure_ascii=False,
        indent=indent,
        separators=separators,
    )
    return text.encode()
