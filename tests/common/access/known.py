"""What a test may take for granted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common.access import quota
from common.access.verification import forget_findings, verify

if TYPE_CHECKING:
    from common.access.quota import Verdict
    from common.access.verification import Client


def known(secret: str) -> Client:
    """The client that this secret must belong to."""
    client = verify(secret)
    assert client is not None
    return client


def works(secret: str) -> bool:
    """Whether the secret is accepted by a process that never saw it."""
    forget_findings()
    return verify(secret) is not None


def spend(client: Client) -> Verdict:
    """The verdict on one more request of a client that has a quota."""
    verdict = quota.spend(client)
    assert verdict is not None
    return verdict


def spend_here(client: Client) -> Verdict:
    """The same, counted in this process alone."""
    verdict = quota.spend_here(client)
    assert verdict is not None
    return verdict
