from __future__ import annotations

import pytest
from django.db import transaction


@pytest.fixture
def commits_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for the commit is done at once: the test's own transaction never commits."""

    def on_commit(callback, using=None, robust=False):
        callback()

    monkeypatch.setattr(transaction, "on_commit", on_commit)
