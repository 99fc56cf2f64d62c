"""Talking to the mail server: within a given time, and what it means when that fails."""

from __future__ import annotations

import smtplib
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

from common.notifications.alerts import one_line

if TYPE_CHECKING:
    from django.core.mail import EmailMessage

PERMANENT: Final = range(500, 600)
LONGEST_ERROR: Final = 255


def transmit(message: EmailMessage, *, within: float) -> None:
    """Hand a message to the mail server, in so many seconds; raises what went wrong.

    EMAIL_TIMEOUT bounds each step of the conversation, and nothing else would bound their sum.
    A server that answers after the time is up may have got the message all the same.
    """
    outcome: Future[None] = Future()
    Thread(target=_transmit, args=(message, outcome), daemon=True).start()
    outcome.result(timeout=within)


def _transmit(message: EmailMessage, outcome: Future[None]) -> None:
    try:
        message.send()
    except BaseException as error:
        outcome.set_exception(error)
    else:
        outcome.set_result(None)


def is_about_this_message(error: Exception) -> bool:
    """The server can be talked to, and others may go through: it is this message or its reader."""
    return isinstance(
        error, smtplib.SMTPRecipientsRefused | smtplib.SMTPDataError | ValueError
    ) or not isinstance(error, OSError)


def is_refusal(error: Exception) -> bool:
    """The server has said for good that it takes no such message or no such reader."""
    match error:
        case smtplib.SMTPRecipientsRefused(recipients=refused):
            return all(code in PERMANENT for code, _ in refused.values())
        case smtplib.SMTPDataError(smtp_code=code):
            return code in PERMANENT
    return isinstance(error, ValueError)  # no address at all, or none that can be written


def in_words(error: Exception) -> str:
    """A sentence for staff: what went wrong, as far as the server says."""
    return one_line(_in_words(error))[:LONGEST_ERROR]


def _in_words(error: Exception) -> str:
    for kind, words in WORDS:
        if isinstance(error, kind):
            return words(error)
    return f"The mail could not be sent: {type(error).__name__}."


def _refused_address(error: Any) -> str:
    said = next(iter(error.recipients.values()), (0, ""))
    return f"The mail server refuses the address: {_said(*said)}."


def _refused(error: Any) -> str:
    return f"The mail server refuses: {_said(error.smtp_code, error.smtp_error)}."


def _unreachable(error: Any) -> str:
    return f"The mail server cannot be reached: {error.strerror or type(error).__name__}."


def _said(code: int, text: bytes | str) -> str:
    said = text.decode(errors="replace") if isinstance(text, bytes) else text
    return f"{code} {said}".strip().removesuffix(".")


WORDS: Final[tuple[tuple[type[Exception], Callable[[Any], str]], ...]] = (
    (
        smtplib.SMTPAuthenticationError,
        lambda _: "The mail server refuses our user name or password.",
    ),
    (smtplib.SMTPRecipientsRefused, _refused_address),
    (smtplib.SMTPResponseException, _refused),
    (smtplib.SMTPException, lambda _: "The mail server broke the conversation off."),
    (TimeoutError, lambda _: "The mail server did not answer in time."),
    (OSError, _unreachable),
    (ValueError, lambda _: "The address or the sender cannot be written in a mail."),
)
"""The first that fits; smtplib's own errors are an OSError too."""
