"""Where a JSON pointer leads."""

from __future__ import annotations

from typing import Any


def at(root: Any, pointer: str) -> Any:
    """The value that a JSON pointer names; fails when there is none."""
    for token in pointer.split("/")[1:]:
        member = token.replace("~1", "/").replace("~0", "~")
        root = root[int(member)] if isinstance(root, list) else root[member]
    return root
