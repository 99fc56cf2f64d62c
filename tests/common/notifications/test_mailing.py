"""From notifications to mail: together, not too often, and once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail

from common.notifications import mailing
from common.notifications.mailing import (
    BETWEEN_MAILS,
    send_test,
    sweep_mails,
)
from common.notifications.models import Mail, Mode, Notification, Topic
from common.notifications.tasks import mail_alerts, sweep_mails_sent
from tests.common.notifications.conftest import let_pass, staff_member, subjects
from tests.racing import race

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

MINUTE = timedelta(minutes=1)


def test_the_alerts_of_one_pass_travel_in_one_mail_for_each_person(clerk, out_of_stock):
    staff_member("buyer", {Topic.OUT: Mode.AT_ONCE})
    out_of_stock("MUG")
    out_of_stock("CUP")
    mail_alerts()
    assert subjects() == ["2 products are out of stock: MUG, CUP"] * 2
    assert sorted(message.to for message in mail.outbox) == [
        ["buyer@example.com"],
        ["clerk@example.com"],
    ]
    assert "- MUG at main: none available, none on hand.\n" in mail.outbox[0].body


def test_a_mail_says_that_a_machine_wrote_it_and_has_an_id_of_its_own(
    clerk, out_of_stock, settings
):
    settings.DEFAULT_FROM_EMAIL = "Stockroom <stock@shop.example>"
    out_of_stock()
    mail_alerts()
    (sent,) = mail.outbox
    message = sent.message()
    assert message["Message-ID"] == f"<notification-{Mail.objects.get().pk}@shop.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["From"] == "Stockroom <stock@shop.example>"
    assert message.get_content_type() == "text/plain"


def test_nothing_is_mailed_twice(clerk, out_of_stock):
    out_of_stock()
    mail_alerts()
    let_pass(2 * MINUTE)
    mail_alerts()
    mail_alerts()
    assert len(mail.outbox) == 1


def test_without_alerts_nobody_gets_mail(clerk):
    assert mail_alerts() == 0
    assert mail.outbox == []
    assert not Mail.objects.exists()


def test_a_person_gets_one_mail_a_minute_and_the_rest_comes_together(clerk, out_of_stock):
    out_of_stock("A")
    mail_alerts()
    for name in "BCD":
        out_of_stock(name)
        mail_alerts()
    assert subjects() == ["A is out of stock"]
    let_pass(BETWEEN_MAILS)
    mail_alerts()
    assert subjects()[1:] == ["3 products are out of stock: B, C, D"]


def test_without_that_pause_there_would_be_a_storm(clerk, out_of_stock, monkeypatch):
    """Negative control of the test above."""
    monkeypatch.setattr(mailing, "BETWEEN_MAILS", timedelta(0))
    for name in "ABC":
        out_of_stock(name)
        mail_alerts()
    assert len(mail.outbox) == 3


def test_a_storm_of_alerts_is_one_mail_of_fifty_lines(clerk, out_of_stock):
    for number in range(120):
        out_of_stock(f"SKU-{number:03}")
    mail_alerts()
    (sent,) = mail.outbox
    assert sent.subject.startswith("120 products are out of stock: SKU-000, SKU-001")
    assert sent.body.count("none available") == 50
    assert "And 70 more" in sent.body


def test_the_daily_digest_comes_when_it_is_due_and_only_then(out_of_stock):
    staff_member("buyer", {Topic.OUT: Mode.DAILY})
    out_of_stock("MUG")
    out_of_stock("CUP")
    mail_alerts()
    assert mail.outbox == []
    Notification.objects.update(due_at="2026-01-01T06:00Z")
    mail_alerts()
    mail_alerts()
    assert subjects() == ["Today: 2 products are out of stock: MUG, CUP"]


def test_who_hears_of_one_topic_daily_hears_of_the_other_at_once(out_of_stock):
    staff_member("buyer", {Topic.OUT: Mode.AT_ONCE, Topic.LOW: Mode.DAILY})
    out_of_stock("MUG")
    mail_alerts()
    assert subjects() == ["MUG is out of stock"]


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_four_workers_send_every_mail_once(clerk, out_of_stock):
    for number in range(10):
        staff_member(f"buyer-{number}", {Topic.OUT: Mode.AT_ONCE})
    out_of_stock()

    def work(_: int) -> int:
        return sum(mail_alerts() for _ in range(20))

    assert sum(race(work, workers=4)) == 11
    assert len({message.to[0] for message in mail.outbox}) == len(mail.outbox) == 11


def test_old_mails_go_and_pending_ones_stay(clerk, out_of_stock, backend, settings):
    out_of_stock("A")
    mail_alerts()
    let_pass(timedelta(days=settings.EVENTS_KEPT_DAYS))
    backend.trouble = TimeoutError()
    out_of_stock("B")
    mail_alerts()
    assert sweep_mails_sent() == 1
    assert [row.name for row in Notification.objects.all()] == ["B"]
    let_pass(timedelta(days=settings.EVENTS_KEPT_DAYS))
    assert sweep_mails(limit=10) == 0


def test_the_test_mail_goes_at_once_and_says_what_happened(clerk, backend):
    assert send_test(clerk) == ""
    assert subjects() == ["Test of notifications"]
    backend.trouble = ConnectionRefusedError(111, "Connection refused")
    assert send_test(clerk) == "The mail server cannot be reached: Connection refused."
    clerk.email = ""
    assert send_test(clerk) == "No e-mail address is on file."
