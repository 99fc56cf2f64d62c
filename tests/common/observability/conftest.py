from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.common.observability.peers import SilentPeer
from tests.common.observability.tracing import Kept, switch_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Lines = list[dict[str, Any]]


@pytest.fixture
def log_lines(capfd: pytest.CaptureFixture[str]) -> Callable[[], Lines]:
    """What was logged since the last call, as it leaves the process."""
    capfd.readouterr()

    def read() -> Lines:
        return [json.loads(line) for line in capfd.readouterr().out.splitlines()]

    return read


@pytest.fixture
def silent_peer() -> Iterator[SilentPeer]:
    peer = SilentPeer()
    yield peer
    peer.close()


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kept]:
    """Tracing is on in this process, and every span is kept."""
    kept = switch_on(monkeypatch)
    yield kept
    kept.spans.end()
