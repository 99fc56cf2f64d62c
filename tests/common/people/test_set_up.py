"""The second factor of the login: set up, required, lost, taken away."""

from __future__ import annotations

import logging
from base64 import b32decode

import pytest
from axes.models import AccessAttempt
from django.contrib.admin.models import LogEntry
from django.test import Client
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from common.people import second_factor
from common.people.models import AuditEntry
from tests.back_office import errors_on, filled_in, page_of, text_of, told
from tests.common.people.logins import (
    KEY,
    PASSWORD,
    code_now,
    device_of,
    enter_code,
    enter_password,
    give_app,
    is_in,
    log_in,
    person,
)

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

SET_UP = "/admin/account/app/"
PRODUCTS = "/api/v1/products"


@pytest.fixture(autouse=True)
def no_waiting_after_wrong_codes(settings):
    """What slows a guesser down would slow these tests down; one test sets it again."""
    settings.OTP_TOTP_THROTTLE_FACTOR = 0


@pytest.fixture
def ada():
    return person()


@pytest.fixture
def codes(ada):
    """Ada has an app; her recovery codes."""
    return give_app(ada)


# Where it is required


def test_where_it_is_required_staff_without_an_app_are_led_to_set_it_up(ada, settings):
    settings.STAFF_TOTP = "required"
    browser = Client()
    assert enter_password(browser).status_code == 302
    assert browser.get(PRODUCTS).status_code == 401
    page = browser.get("/admin/products/product/", follow=True)
    assert page.request["PATH_INFO"] == SET_UP
    assert "products%2Fproduct" in page.request["QUERY_STRING"]
    answer = set_up(browser, page)
    assert "recovery codes" in text_of(answer)
    assert 'href="/admin/products/product/"' in text_of(answer)
    assert is_in(browser)
    assert browser.get(PRODUCTS).status_code == 200


def test_where_it_is_required_one_can_still_log_out(ada, settings):
    settings.STAFF_TOTP = "required"
    browser = log_in()
    browser.post("/admin/logout/")
    assert "_auth_user_id" not in browser.session


def test_where_to_go_after_the_set_up_is_no_other_site(ada):
    browser = log_in()
    answer = set_up(browser, browser.get(f"{SET_UP}?next=https://evil.example/"))
    assert "evil.example" not in text_of(answer)


# Setting up, turning off


def set_up(browser: Client, page) -> object:
    """Read the secret off the page, as an app does, and enter what it shows."""
    text = text_of(page)
    secret = text.split('id="secret">')[1].split("<")[0].replace(" ", "")
    key = b32decode(secret).hex()
    address = page.request["PATH_INFO"] + "?" + page.request["QUERY_STRING"]
    return browser.post(address, filled_in(page, "set-up", code=code_now(key)))


def test_setting_up_shows_the_secret_and_ten_codes_once(ada):
    browser = log_in()
    page = browser.get(SET_UP)
    assert "<svg" in text_of(page)
    assert not TOTPDevice.objects.exists(), "looking at a page changes nothing"
    answer = set_up(browser, page)
    assert "no-store" in answer["Cache-Control"]
    shown = answer.context["codes"]
    assert len(set(shown)) == 10
    assert is_in(browser)
    assert browser.get(SET_UP).status_code == 302
    kept = str(list(StaticToken.objects.values())) + str(dict(browser.session.items()))
    assert not [code for code in shown if code in kept or code.replace("-", "") in kept]
    assert second_factor.verify(user_id=ada.pk, code=shown[3]) is not None


def test_a_wrong_code_sets_nothing_up_and_keeps_the_secret_on_the_page(ada):
    browser = log_in()
    page = browser.get(SET_UP)
    answer = browser.post(SET_UP, filled_in(page, "set-up", code="000000"))
    assert errors_on(answer).keys() == {"code"}
    assert answer.context["secret"] == page.context["secret"]
    assert not TOTPDevice.objects.exists()
    assert set_up(browser, answer).status_code == 200
    assert TOTPDevice.objects.count() == 1


def test_a_secret_that_is_not_ours_is_refused(ada):
    browser = log_in()
    answer = browser.post(SET_UP, {"sealed": KEY, "code": code_now()})
    assert "sealed" in errors_on(answer)
    assert not TOTPDevice.objects.exists()


@pytest.mark.parametrize(
    ("password", "code", "field"),
    [("wrong", None, "password"), (PASSWORD, "000000", "code")],
    ids=["password", "code"],
)
def test_turning_off_needs_password_and_code(ada, password, code, field):
    browser = log_in()
    set_up(browser, browser.get(SET_UP))
    device = device_of(ada)
    entered = {"password": password, "code": code or code_now(device.key, steps=1)}
    answer = browser.post("/admin/account/app/off/", entered)
    assert errors_on(answer).keys() == {field}
    assert AccessAttempt.objects.get().failures_since_start == 1
    entered = {"password": PASSWORD, "code": code_now(device.key, steps=1)}
    answer = browser.post("/admin/account/app/off/", entered, follow=True)
    assert "password alone" in " ".join(told(answer))
    assert not TOTPDevice.objects.exists()
    assert is_in(browser)


def test_new_recovery_codes_replace_the_old_ones(ada):
    browser = log_in()
    old = set_up(browser, browser.get(SET_UP)).context["codes"]
    entered = {"password": PASSWORD, "code": old[0]}
    new = browser.post("/admin/account/recovery/", entered).context["codes"]
    assert second_factor.verify(user_id=ada.pk, code=old[1]) is None
    assert second_factor.verify(user_id=ada.pk, code=new[1]) is not None


# Administrators


def test_an_administrator_takes_a_lost_app_away_and_that_is_in_the_trail(admin_client, codes, ada):
    answer = admin_client.post(f"/admin/auth/user/{ada.pk}/take-app/", follow=True)
    assert "Took the authenticator app" in told(answer)[0]
    assert is_in(log_in())
    assert not StaticToken.objects.exists()
    entry = AuditEntry.objects.filter(subject_type="auth.user", actor="admin").latest("id")
    assert entry.changes == [{"field": "authenticator_app", "old": True, "new": False}]
    assert LogEntry.objects.get().user.username == "admin"


def test_the_secret_is_on_no_page_and_in_no_log(admin_client, codes, ada, caplog):
    caplog.set_level(logging.DEBUG)
    browser = Client()
    page = enter_password(browser)
    used = code_now()
    enter_code(browser, page, used)
    assert is_in(browser)
    pages = [page_of(ada), "/admin/auth/user/", "/admin/people/auditentry/"]
    shown = "".join(text_of(admin_client.get(address)) for address in pages)
    everything = shown + caplog.text + str(list(AuditEntry.objects.values()))
    for hidden in (KEY, second_factor.key_as_text(KEY), PASSWORD, *codes):
        assert hidden not in everything
    for table in ("otp_totp/totpdevice", "otp_static/staticdevice"):
        assert admin_client.get(f"/admin/{table}/").status_code == 404
