"""Who guesses passwords is locked out; nobody else is."""

from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client, RequestFactory
from django.utils import timezone

from common.access.addresses import client_address

LOGIN = "/admin/login/"
HERE, ELSEWHERE = "192.0.2.1", "192.0.2.2"
PASSWORD = "right"


@pytest.fixture(autouse=True)
def ada(db):
    return User.objects.create_user("ada", password=PASSWORD, is_staff=True)


def log_in(password, *, name="ada", address=HERE, query="", **more):
    form = {"username": name, "password": password, **more}
    return Client().post(f"{LOGIN}{query}", form, REMOTE_ADDR=address)


def lock_out(address=HERE):
    return [log_in("wrong", address=address).status_code for _ in range(5)]


def test_after_five_wrong_passwords_not_even_the_right_one_helps():
    assert lock_out() == [200, 200, 200, 200, 429]
    refused = log_in(PASSWORD)
    assert refused.status_code == 429
    assert "15 minutes" in refused.content.decode()
    assert "_auth_user_id" not in refused.client.session


def test_from_elsewhere_and_for_others_the_login_stays_open():
    User.objects.create_user("bob", password=PASSWORD, is_staff=True)
    lock_out()
    assert log_in(PASSWORD, address=ELSEWHERE).status_code == 302
    assert log_in(PASSWORD, name="bob").status_code == 302


def test_a_right_password_forgets_the_wrong_ones_before_it():
    for _ in range(2):
        assert [log_in("wrong").status_code for _ in range(4)] == [200] * 4
        assert log_in(PASSWORD).status_code == 302


def test_after_a_quarter_of_an_hour_it_opens_again():
    lock_out()
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=16))
    assert log_in(PASSWORD).status_code == 302


def test_operators_can_open_it_at_once():
    lock_out()
    call_command("axes_reset_username", "ada", stdout=None)
    assert log_in(PASSWORD).status_code == 302


@pytest.mark.parametrize("query", ["", "?next=%00", "?%ff=%ed%a0%80", f"?next={'x' * 3000}"])
def test_no_attempt_is_too_strange_to_be_counted(query):
    log_in("wrong", query=query, other="\x00")
    assert AccessAttempt.objects.get().failures_since_start == 1


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, ELSEWHERE, HERE),
        (1, ELSEWHERE, ELSEWHERE),
        (1, f"10.0.0.1, {ELSEWHERE}", ELSEWHERE),
        (2, f"10.0.0.1, {ELSEWHERE}, 10.0.0.2", ELSEWHERE),
        (1, "2001:db8::1", "2001:db8::1"),
        (1, "fe80::1%eth0", "fe80::1"),
        (1, "unknown", None),
        (1, "", HERE),
    ],
)
def test_the_address_is_the_one_that_the_outermost_proxy_saw(settings, proxies, forwarded, address):
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": proxies}
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    request = RequestFactory().get("/", REMOTE_ADDR=HERE, headers=headers)
    assert client_address(request) == address


def test_a_request_through_a_socket_has_no_address():
    assert client_address(RequestFactory().get("/", REMOTE_ADDR="")) is None
