from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.test import Client as Browser

from common.access import verification
from common.access.operations import create_key
from common.access.verification import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Clock:
    """Stands in for ``monotonic``; moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now

    def pass_time(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(autouse=True)
def nothing_found_yet() -> Iterator[None]:
    verification.forget_findings()
    yield
    verification.forget_findings()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of everything in common.access that measures a time that passes."""
    clock = Clock()
    monkeypatch.setattr("common.access.verification.monotonic", clock)
    monkeypatch.setattr("common.access.quota.monotonic", clock)
    return clock


@pytest.fixture
def client() -> Browser:
    """Without a key: these tests make the keys that they need."""
    return Browser()


@pytest.fixture
def make_key() -> Callable[..., str]:
    """The secret of a new key."""

    def make(
        name: str = "shop",
        *scopes: str,
        quota: int | None = None,
        expires_in: timedelta | None = None,
    ) -> str:
        _, secret = create_key(
            name=name,
            scopes=scopes or ["products:read"],
            created_by="a test",
            quota=quota,
            expires_in=expires_in,
        )
        return secret

    return make


@pytest.fixture
def make_client() -> Callable[..., Client]:
    """A recognised client that no key stands behind."""

    def make(*scopes: str, quota: int = 0) -> Client:
        return Client(id=uuid4(), name="shop", scopes=frozenset(scopes), quota=quota)

    return make


@pytest.fixture(autouse=True)
def keys_stay_known() -> None:
    """Here they are remembered for as long as the service remembers them."""
