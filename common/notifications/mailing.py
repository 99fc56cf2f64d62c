"""From notifications to mail: gathered for each person, sent until the mail server has taken it."""

from __future__ import annotations

from datetime import timedelta
from email.utils import parseaddr
from time import monotonic
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import Q

from common.database import database_now, in_transaction
from common.events.reading import NOTIFICATIONS, locked_reader
from common.ids import new_id
from common.notifications import wording
from common.notifications.models import Mail, Mode, Notification
from common.notifications.transmitting import (
    in_words,
    is_about_this_message,
    is_refusal,
    transmit,
)
from common.observability.logs import event, get_logger

if TYPE_CHECKING:
    from datetime import datetime

    from django.contrib.auth.models import User

logger = get_logger(__name__)

BETWEEN_MAILS: Final = timedelta(minutes=1)
LEASE: Final = timedelta(minutes=2)
FIRST_PAUSE: Final = timedelta(seconds=15)
LONGEST_PAUSE: Final = timedelta(minutes=15)
REFUSED_FOR: Final = timedelta(days=5)
TRANSMISSION_SECONDS: Final = 20.0
PASS_SECONDS: Final = 20.0
TEST_SECONDS: Final = 9.0
NOBODY: Final = "The reader is no longer active staff with an e-mail address."

PENDING: Final = Q(status=Mail.Status.PENDING)


@in_transaction
def gather_mails() -> int:
    """Put what is due for a person into one mail; returns how many mails were made.

    No second mail for somebody whose first has not been sent yet, and none at once within a
    minute of the last: what is due waits, and comes together. Does nothing while somebody else
    is at it.

    Locks: the row of the reader ``notifications``, unless somebody has it (docs/locking.md).
    """
    if locked_reader(NOTIFICATIONS) is None:
        return 0
    now = database_now()
    due = Notification.objects.filter(mail=None, due_at__lte=now)
    readers = set(due.order_by().values_list("user_id", "mode").distinct())
    readers -= _those_who_wait(now)
    for user_id, mode in sorted(readers):
        mail = Mail.objects.create(user_id=user_id, mode=mode)
        due.filter(user_id=user_id, mode=mode).update(mail=mail)
    return len(readers)


def _those_who_wait(now: datetime) -> set[tuple[int, str]]:
    just_now = Q(mode=Mode.AT_ONCE, status=Mail.Status.SENT, ended_at__gt=now - BETWEEN_MAILS)
    return set(Mail.objects.filter(PENDING | just_now).values_list("user_id", "mode"))


def send_mails() -> int:
    """Send what is due, one mail after the other, for a limited time; returns how many are done.

    No transaction is open meanwhile. Stops where the mail server cannot be reached: the next pass
    tries again.
    """
    give_up_at, count = monotonic() + PASS_SECONDS, 0
    while monotonic() < give_up_at and (mail := claim_mail()):
        error = _send(mail)
        count += error is None
        if error and not is_about_this_message(error):
            break
    return count


@in_transaction
def claim_mail() -> Mail | None:
    """The mail that has been due for longest, held for two minutes; None where there is none.

    One mail at a time is on its way, so that a slow mail server occupies one process and no more.
    What a killed process held is due again after its pause, under the same Message-ID.

    Locks: the row of the reader ``notifications``, unless somebody has it (docs/locking.md).
    """
    if locked_reader(NOTIFICATIONS) is None:
        return None
    now = database_now()
    pending = Mail.objects.filter(PENDING).select_related("user")
    if pending.filter(leased_until__gt=now).exists():
        return None
    mail = pending.filter(next_attempt_at__lte=now).order_by("next_attempt_at", "pk").first()
    if mail:
        mail.leased_until = now + LEASE
        mail.next_attempt_at = now + _pause(mail.attempt_count)
        mail.attempt_count += 1
        mail.save(update_fields=["leased_until", "next_attempt_at", "attempt_count"])
    return mail


def _pause(attempts: int) -> timedelta:
    doublings = min(attempts, 10)
    return min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)


def _send(mail: Mail) -> Exception | None:
    """Send it and write down how that went; what went wrong is returned."""
    user = mail.user
    if not (user.is_active and user.is_staff and user.email):
        _end(mail, Mail.Status.DROPPED, NOBODY)
        return None
    try:
        transmit(message_of(mail, user), within=TRANSMISSION_SECONDS)
    except Exception as error:  # whatever it is: the mail is kept, and the others go on
        _note_failure(mail, error)
        return error
    _end(mail, Mail.Status.SENT)
    return None


def message_of(mail: Mail, user: User) -> EmailMessage:
    """The mail as it is sent: the same at every attempt."""
    told = list(mail.notifications.order_by("pk"))
    return message_to(
        user,
        subject=wording.subject(told, mail.mode),
        body=wording.body(told, user.pk),
        message_id=f"notification-{mail.pk}",
    )


def message_to(user: User, *, subject: str, body: str, message_id: str) -> EmailMessage:
    """A message that tells other machines that a machine has written it."""
    sender_host = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    headers = {"Message-ID": f"<{message_id}@{sender_host}>", "Auto-Submitted": "auto-generated"}
    return EmailMessage(subject, body, to=[user.email], headers=headers)


def send_test(user: User) -> str:
    """Send a mail now; returns what went wrong in a sentence, after ten seconds at most.

    Empty: the mail server has taken it.
    """
    if not user.email:
        return "No e-mail address is on file."
    message = message_to(
        user,
        subject="Test of notifications",
        body="Notifications from Stockroom reach you.\n",
        message_id=f"test-{new_id()}",
    )
    try:
        transmit(message, within=TEST_SECONDS)
    except Exception as error:  # whatever it is: whoever pressed the button is told
        logger.warning("test_mail_failed", user_id=user.pk, error=in_words(error))
        return in_words(error)
    return ""


def _note_failure(mail: Mail, error: Exception) -> None:
    words = in_words(error)
    is_expected = isinstance(error, OSError | ValueError)
    logger.warning(
        "mail_failed",
        mail_id=mail.pk,
        attempts=mail.attempt_count,
        error=words,
        exc_info=None if is_expected else error,
    )
    if is_refusal(error) and database_now() - mail.created_at > REFUSED_FOR:
        _end(mail, Mail.Status.DROPPED, words)
    else:
        Mail.objects.filter(PENDING, pk=mail.pk).update(leased_until=None, last_error=words)


def _end(mail: Mail, status: Mail.Status, words: str = "") -> None:
    """Sent is sent, also when somebody else meanwhile took a slow one for lost."""
    now = database_now()
    Mail.objects.filter(PENDING, pk=mail.pk).update(
        status=status, ended_at=now, leased_until=None, last_error=words
    )
    event(f"mail_{status}", mail_id=mail.pk, attempts=mail.attempt_count, reason=words)


@in_transaction
def sweep_mails(*, limit: int) -> int:
    """Delete mails that ended longer ago than events are kept, oldest first; returns how many.

    Locks: old mails, skipping those of other sweepers (docs/locking.md).
    """
    kept_from = database_now() - timedelta(days=settings.EVENTS_KEPT_DAYS)
    old = Mail.objects.filter(ended_at__lt=kept_from).order_by("ended_at")
    ids = list(old.select_for_update(skip_locked=True).values_list("pk", flat=True)[:limit])
    Mail.objects.filter(pk__in=ids).delete()
    return len(ids)
