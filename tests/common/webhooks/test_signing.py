"""Signatures as Standard Webhooks 1.0 has them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from common.webhooks.rules import new_secret
from common.webhooks.signing import signature_headers

BODY = '{"name":"Käse"}'.encode()


def headers_of(*secrets: str, moment: datetime | None = None) -> dict[str, str]:
    moment = moment or datetime.now(UTC)
    return signature_headers(message_id="one", body=BODY, secrets=secrets, moment=moment)


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=9))], ids=["utc", "far east"])
def test_the_vector_of_the_specification(zone):
    assert signature_headers(
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        body=b'{"test": 2432232314}',
        secrets=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        moment=datetime.fromtimestamp(1614265330, zone),
    ) == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_the_reference_package_verifies_it():
    secret = new_secret()
    assert Webhook(secret).verify(BODY, headers_of(secret)) == {"name": "Käse"}


def test_while_a_secret_is_replaced_both_verify_it():
    new, old = new_secret(), new_secret()
    headers = headers_of(new, old)
    assert len(headers["webhook-signature"].split(" ")) == 2
    for secret in (new, old):
        Webhook(secret).verify(BODY, headers)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "body", "secret"])
def test_whoever_changes_anything_is_found_out(name):
    """Negative control of the tests that verify."""
    secret = new_secret()
    headers, body = headers_of(secret), BODY
    if name == "body":
        body += b" "
    elif name == "secret":
        secret = new_secret()
    else:
        headers[name] = str(int(headers[name]) + 1) if name == "webhook-timestamp" else "two"
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body, headers)


def test_what_was_recorded_an_hour_ago_is_refused_when_it_is_sent_again():
    secret = new_secret()
    headers = headers_of(secret, moment=datetime.now(UTC) - timedelta(hours=1))
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY, headers)
