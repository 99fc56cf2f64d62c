from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.core import mail
from django.db import transaction

from common.events.recording import Fact, record
from common.events.sequencing import number_events
from common.notifications.models import Mail, Mode, Topic
from common.notifications.operations import subscribe
from common.notifications.reading import read_alerts
from tests.common.notifications.backends import Backend

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta
    from uuid import UUID


@pytest.fixture
def clerk(db) -> User:
    """Somebody of the staff who hears of everything at once."""
    return staff_member("clerk", dict.fromkeys(Topic, Mode.AT_ONCE))


SEEN = ["view_stocklevel", "view_batch", "view_webhookendpoint"]
"""What somebody has to see to hear of everything."""


def staff_member(name: str, modes: dict[Topic, Mode | None]) -> User:
    """Somebody of the staff who may see everything."""
    user = User.objects.create_user(name, f"{name}@example.com", is_staff=True)
    user.user_permissions.add(*Permission.objects.filter(codename__in=SEEN))
    subscribe(user_id=user.pk, modes=modes)
    return user


@pytest.fixture
def out_of_stock() -> Callable[..., UUID]:
    """Nothing of a product is left."""

    def tell(sku: str = "MUG", location: str = "main", *, on_hand: int = 0) -> UUID:
        figures = {"sku": sku, "location": location, "available": 0, "on_hand": on_hand}
        return happen("stock.out", "inventory", figures | {"reorder_point": None})

    return tell


def happen(kind: str, subject_type: str, data: dict[str, Any]) -> UUID:
    """An event that has been committed, as far as the feed can tell; the id of its subject."""
    subject_id = uuid4()
    with transaction.atomic():
        record([Fact(kind, subject_type, subject_id, data)])
    number_events()
    return subject_id


def read_everything() -> None:
    while read_alerts(limit=100):
        pass


def let_pass(time: timedelta) -> None:
    """What the clock of the mails says is as if so much time had gone by."""
    for row in Mail.objects.all():
        row.next_attempt_at -= time
        row.created_at -= time
        row.leased_until = row.leased_until and row.leased_until - time
        row.ended_at = row.ended_at and row.ended_at - time
        row.save()


@pytest.fixture
def backend(settings, monkeypatch) -> type[Backend]:
    """The mail server, which can be given ``trouble``."""
    monkeypatch.setattr(Backend, "trouble", None)
    monkeypatch.setattr(Backend, "shown", [])
    settings.EMAIL_BACKEND = "tests.common.notifications.backends.Backend"
    return Backend


def subjects() -> list[str]:
    """Of all mails so far."""
    return [str(message.subject) for message in mail.outbox]
