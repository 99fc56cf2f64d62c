"""A mail server that is away, slow or refuses: nothing is lost, and nobody is flooded."""

from __future__ import annotations

from datetime import timedelta
from smtplib import SMTPDataError, SMTPRecipientsRefused
from threading import Event as Signal

import pytest
from django.contrib.auth.models import User
from django.core import mail

from common.notifications import mailing
from common.notifications.mailing import (
    BETWEEN_MAILS,
    LEASE,
    LONGEST_PAUSE,
    claim_mail,
    gather_mails,
    send_mails,
)
from common.notifications.models import Mail, Mode, Topic
from common.notifications.tasks import mail_alerts
from tests.common.notifications.backends import Slow
from tests.common.notifications.conftest import let_pass, read_everything, staff_member, subjects
from tests.racing import in_a_thread, race

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

MINUTE = timedelta(minutes=1)


def test_an_unreachable_mail_server_loses_nothing_and_brings_no_storm(clerk, out_of_stock, backend):
    backend.trouble = ConnectionRefusedError(111, "Connection refused")
    for day in range(10):
        out_of_stock(f"DAY-{day}")
        mail_alerts()
        let_pass(timedelta(days=1))
    assert mail.outbox == []
    kept = Mail.objects.get()
    assert kept.status == Mail.Status.PENDING
    assert kept.attempt_count == 10
    assert kept.last_error == "The mail server cannot be reached: Connection refused."
    backend.trouble = None
    mail_alerts()
    let_pass(BETWEEN_MAILS)
    mail_alerts()
    assert subjects() == [
        "DAY-0 is out of stock",
        "9 products are out of stock: DAY-1, DAY-2, DAY-3, DAY-4, DAY-5 and 4 more",
    ]
    assert len(set(backend.shown)) == 2


def test_pauses_grow_and_end_at_a_quarter_of_an_hour(clerk, out_of_stock, backend):
    backend.trouble = TimeoutError()
    out_of_stock()
    mail_alerts()
    pauses = []
    for _ in range(9):
        row = Mail.objects.get()
        let_pass(LONGEST_PAUSE)
        send_mails()
        row.refresh_from_db()
        pauses.append(mailing._pause(row.attempt_count - 1))
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (timedelta(seconds=30), LONGEST_PAUSE)
    assert len(backend.shown) == 10


def test_before_its_pause_is_over_a_mail_is_not_tried_again(clerk, out_of_stock, backend):
    backend.trouble = TimeoutError()
    out_of_stock()
    for _ in range(3):
        mail_alerts()
    assert len(backend.shown) == 1


def test_one_reader_who_is_refused_does_not_hold_up_the_others(clerk, out_of_stock, backend):
    staff_member("buyer", {Topic.OUT: Mode.AT_ONCE})
    refusal = SMTPRecipientsRefused({"x": (550, b"No such user")})
    out_of_stock()
    backend.trouble = refusal
    mail_alerts()
    assert len(backend.shown) == 2
    assert Mail.objects.filter(status=Mail.Status.PENDING, leased_until=None).count() == 2


def test_an_unreachable_server_is_not_asked_for_every_reader(clerk, out_of_stock, backend):
    staff_member("buyer", {Topic.OUT: Mode.AT_ONCE})
    backend.trouble = TimeoutError()
    out_of_stock()
    mail_alerts()
    assert len(backend.shown) == 1


@pytest.mark.parametrize(
    ("trouble", "status"),
    [
        (SMTPRecipientsRefused({"x": (550, b"No such user")}), "dropped"),
        (SMTPDataError(554, b"Spam"), "dropped"),
        (SMTPRecipientsRefused({"x": (450, b"Later")}), "pending"),
        (ConnectionRefusedError(), "pending"),
        (KeyError("a bug"), "pending"),
    ],
    ids=["no-user", "spam", "later", "unreachable", "bug"],
)
def test_only_what_is_refused_for_days_is_given_up(clerk, out_of_stock, backend, trouble, status):
    backend.trouble = trouble
    out_of_stock()
    mail_alerts()
    assert Mail.objects.get().status == "pending"
    let_pass(timedelta(days=6))
    mail_alerts()
    assert Mail.objects.get().status == status


def test_who_left_meanwhile_gets_no_mail(clerk, out_of_stock, backend):
    backend.trouble = TimeoutError()
    out_of_stock()
    mail_alerts()
    backend.trouble = None
    User.objects.update(is_active=False)
    let_pass(MINUTE)
    mail_alerts()
    assert mail.outbox == []
    gone = Mail.objects.get()
    assert (gone.status, gone.last_error) == ("dropped", mailing.NOBODY)


def test_a_process_that_is_killed_on_the_way_leaves_the_mail_for_the_next(
    clerk, out_of_stock, backend
):
    """Killed after the server took it: at worst the same mail comes again, under the same id."""
    out_of_stock()
    read_everything()
    gather_mails()
    first = claim_mail()
    assert first is not None
    first_id = mailing.message_of(first, clerk).extra_headers["Message-ID"]
    first_body = mailing.message_of(first, clerk).body
    assert send_mails() == 0  # somebody holds it
    let_pass(LEASE)
    assert send_mails() == 1
    assert backend.shown == [first_id]
    assert mail.outbox[0].body == first_body


def test_what_a_mail_says_does_not_change_while_it_waits(clerk, out_of_stock, backend):
    backend.trouble = TimeoutError()
    out_of_stock("A")
    mail_alerts()
    out_of_stock("B")
    let_pass(MINUTE)
    backend.trouble = None
    mail_alerts()
    assert subjects() == ["A is out of stock"]


@pytest.mark.django_db(transaction=True)
def test_a_slow_mail_server_occupies_one_process_and_no_transaction(
    clerk, out_of_stock, settings, monkeypatch
):
    staff_member("buyer", {Topic.OUT: Mode.AT_ONCE})
    settings.EMAIL_BACKEND = "tests.common.notifications.backends.Slow"
    for name, value in {"entered": Signal(), "go_on": Signal(), "idle": []}.items():
        monkeypatch.setattr(Slow, name, value)
    out_of_stock()

    def work(number: int) -> int:
        if number:
            assert Slow.entered.wait(20)
            count: int = mail_alerts()  # comes back at once: one mail at a time is on its way
            Slow.go_on.set()
            return count
        return in_a_thread(mail_alerts)

    assert race(work, workers=2) == [2, 0]
    assert Slow.idle == []
    assert len(mail.outbox) == 2
