"""What a loader tells its caller while it works."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


class Bar(Protocol):
    """How far a phase is; tqdm's bar is one."""

    def update(self, n: int = 1) -> object: ...


class Watch(Protocol):
    """Begins a phase of so many rows, indexes or steps, named by what they are."""

    def __call__(self, phase: str, total: int) -> AbstractContextManager[Bar]: ...
