"""What can go wrong with a mail server, and what staff are told of it."""

from __future__ import annotations

import smtplib
from time import monotonic

import pytest
from django.core.mail import EmailMessage

from common.notifications.transmitting import (
    in_words,
    is_about_this_message,
    is_refusal,
    transmit,
)
from tests.common.notifications.smtp import mail_server, use
from tests.common.observability.peers import SilentPeer
from tests.running import free_port


def send(**parts) -> None:
    transmit(EmailMessage(**{"subject": "A", "to": ["clerk@example.com"]} | parts), within=8)


def failure(**parts) -> Exception:
    """What goes wrong; each test says what that should be."""
    try:
        send(**parts)
    except Exception as error:
        return error
    pytest.fail("nothing went wrong")


def test_a_message_reaches_the_server(settings):
    with mail_server(settings) as server:
        send(body="The very words.")
    assert "The very words." in server.messages[0]
    assert "Subject: A" in server.messages[0]


@pytest.mark.parametrize(
    ("answers", "words", "about_this", "refused"),
    [
        (
            {"RCPT": "550 No such user here."},
            "The mail server refuses the address: 550 No such user here.",
            True,
            True,
        ),
        (
            {"RCPT": "450 Come back later"},
            "The mail server refuses the address: 450 Come back later.",
            True,
            False,
        ),
        ({"message": "554 Spam"}, "The mail server refuses: 554 Spam.", True, True),
        ({"message": "452 Disk full"}, "The mail server refuses: 452 Disk full.", True, False),
        ({"MAIL": "530 Log in first"}, "The mail server refuses: 530 Log in first.", False, False),
        ({"greeting": "554 Go away"}, "The mail server refuses: 554 Go away.", False, False),
    ],
    ids=["no-user", "greylisted", "spam", "full", "log-in", "greeting"],
)
def test_a_server_that_refuses_is_quoted(settings, answers, words, about_this, refused):
    with mail_server(settings, **answers):
        error = failure()
    assert in_words(error) == words
    assert is_about_this_message(error) == about_this
    assert is_refusal(error) == refused


def test_a_server_that_is_not_there_cannot_be_reached(settings):
    use(settings, free_port())
    error = failure()
    assert in_words(error) == "The mail server cannot be reached: Connection refused."
    assert not is_about_this_message(error)
    assert not is_refusal(error)


def test_a_silent_server_is_given_up_in_time(settings):
    peer = SilentPeer()
    use(settings, peer.port)
    began = monotonic()
    with pytest.raises(TimeoutError) as raised:
        transmit(EmailMessage("A", to=["clerk@example.com"]), within=0.2)
    assert monotonic() - began < 5
    peer.close()
    assert in_words(raised.value) == "The mail server did not answer in time."
    assert not is_about_this_message(raised.value)


def test_a_wrong_password_is_called_that():
    error = smtplib.SMTPAuthenticationError(535, b"no")
    assert in_words(error) == "The mail server refuses our user name or password."
    assert not is_about_this_message(error)
    assert not is_refusal(error)


@pytest.mark.parametrize(
    "parts",
    [{"subject": "A\nBcc: all@example.com"}, {"to": ["a@example.com\nBcc: all@example.com"]}],
    ids=["subject", "address"],
)
def test_a_header_cannot_be_forged(settings, parts):
    with mail_server(settings) as server:
        error = failure(**parts)
    assert server.messages == []
    assert in_words(error) == "The address or the sender cannot be written in a mail."
    assert is_about_this_message(error)


def test_of_what_nobody_expected_the_kind_is_told():
    assert in_words(KeyError("secret")) == "The mail could not be sent: KeyError."
    assert in_words(smtplib.SMTPServerDisconnected("x")) == (
        "The mail server broke the conversation off."
    )
