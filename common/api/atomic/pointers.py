"""Faults of one operation, told as faults of the document that it stands in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rest_framework.response import Response

    from common.api.atomic.shape import Operation


def moved_below(response: Response, operation: Operation) -> Response:
    """The errors of an operation with their pointers in the whole document.

    A failure of ours has no place in it.
    """
    if response.status_code >= 500:  # noqa: PLR2004
        return response
    for error in response.data["errors"]:
        own = error.get("source", {}).get("pointer", "")
        error["source"] = {"pointer": operation.pointer + _as_sent(operation.sent, own)}
    return response


def _as_sent(value: Any, pointer: str) -> str:
    """The pointer, or the one to the nearest parent that was sent: an id may have been a lid."""
    found = ""
    for token in pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            break
        found += f"/{token}"
    return found
