"""ETag, If-Match and If-None-Match (RFC 9110 §13)."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final

from common.api.errors import PreconditionFailed

if TYPE_CHECKING:
    from collections.abc import Iterable

TAG: Final = re.compile(r'(W/)?"([^"]*)"')
ANY: Final = "*"


def etag(version: int, body: bytes | None = None) -> str:
    """The entity tag of a version; of one representation of it when the body is given."""
    if body is None:
        return f'"{version}"'
    return f'"{version}-{hashlib.sha256(body).hexdigest()[:16]}"'


def is_not_modified(if_none_match: str | None, current: str) -> bool:
    """The client holds this very representation (weak comparison)."""
    if not if_none_match:
        return False
    if if_none_match.strip() == ANY:
        return True
    return current.strip('"') in {tag for _, tag in TAG.findall(if_none_match)}


def check_if_match(if_match: str | None, version: int) -> None:
    """Refuse a change to a version that the client has not seen (strong comparison).

    Only the version part of a tag counts: which representation it came with does not matter.
    """
    if if_match is None or if_match.strip() == ANY:
        return
    if str(version) not in _versions(tag for weak, tag in TAG.findall(if_match) if not weak):
        raise PreconditionFailed(
            "The resource has changed since; fetch it, decide again and send its new ETag."
        )


def check_if_none_match(if_none_match: str | None, version: int) -> None:
    """Refuse a change to what the client says must not be there, in this version or at all."""
    if if_none_match is None:
        return
    ruled_out = _versions(tag for _, tag in TAG.findall(if_none_match))
    if if_none_match.strip() == ANY or str(version) in ruled_out:
        raise PreconditionFailed(
            "The resource is the one that this header rules out.", header="If-None-Match"
        )


def _versions(tags: Iterable[str]) -> set[str]:
    return {tag.partition("-")[0] for tag in tags}
