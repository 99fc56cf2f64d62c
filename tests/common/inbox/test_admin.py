"""Handled messages in the back office."""

from __future__ import annotations

import pytest
from django.utils import timezone

from common.inbox.models import InboxMessage
from tests.back_office import page_of, staff, text_of

pytestmark = pytest.mark.django_db

LIST = "/admin/inbox/inboxmessage/"


@pytest.fixture
def handled():
    return [
        InboxMessage.objects.create(
            source="/shop",
            event_id=f"event-{number}",
            type="order.placed",
            subject=f"ORDER-{number}",
            occurred_at=timezone.now(),
        )
        for number in (1, 2)
    ]


def test_staff_look_up_what_became_of_a_message(handled):
    clerk = staff("view_inboxmessage")
    assert "ORDER-2" in text_of(clerk.get(LIST))
    for word in ("event-1", "ORDER-1"):
        page = text_of(clerk.get(LIST, {"q": word}))
        assert "ORDER-1" in page
        assert "ORDER-2" not in page


def test_a_message_can_be_read_and_not_edited(handled):
    clerk = staff("view_inboxmessage", "change_inboxmessage", "delete_inboxmessage")
    page = clerk.get(page_of(handled[0]))
    assert "/shop" in text_of(page)
    assert 'name="_save"' not in text_of(page)
    assert clerk.post(page_of(handled[0]), {"source": "/till"}).status_code == 403
    assert clerk.post(page_of(handled[0], "delete")).status_code == 403


def test_others_do_not_see_them(handled):
    assert staff().get(LIST).status_code == 403
