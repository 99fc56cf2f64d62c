"""The second step of the login: asked for, refused, locked."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from common.people import second_factor
from tests.back_office import errors_on, filled_in, text_of
from tests.common.people.logins import (
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
from tests.racing import race

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


def wrong() -> str:
    """No code of these minutes."""
    near = {code_now(steps=n) for n in range(-3, 4)}
    return next(f"{n:06}" for n in range(10) if f"{n:06}" not in near)


# Logging in


def test_without_an_app_the_password_is_enough(ada):
    assert is_in(log_in())


def test_with_an_app_the_password_opens_nothing_yet(codes):
    browser = Client()
    page = enter_password(browser)
    assert "code-form" in text_of(page)
    assert "_auth_user_id" not in browser.session
    assert not is_in(browser)
    assert browser.get(PRODUCTS).status_code == 401


def test_password_and_code_lead_to_where_one_wanted_to_go(codes):
    browser = Client()
    wanted = "/admin/products/product/"
    page = browser.post(f"/admin/login/?next={wanted}", {"username": "ada", "password": PASSWORD})
    answer = browser.post(page.context["app_path"], filled_in(page, "code-form", code=code_now()))
    assert (answer.status_code, answer["Location"]) == (302, wanted)
    assert is_in(browser)
    assert browser.get(PRODUCTS).status_code == 200


def test_a_wrong_code_is_told_and_opens_nothing(codes):
    browser = Client()
    answer = enter_code(browser, enter_password(browser), wrong())
    assert errors_on(answer).keys() == {"code"}
    assert not is_in(browser)


def test_a_code_works_once(codes):
    first, second = Client(), Client()
    used = code_now()
    assert enter_code(first, enter_password(first), used).status_code == 302
    assert errors_on(enter_code(second, enter_password(second), used)).keys() == {"code"}
    assert not is_in(second)


def test_the_code_by_which_the_app_was_set_up_works_no_second_time(codes):
    browser = Client()
    assert enter_code(browser, enter_password(browser), code_now(steps=-1)).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_of_two_who_use_one_code_at_once_one_gets_in():
    ada = person()
    give_app(ada)
    used = code_now()
    outcomes = race(lambda _n: second_factor.verify(user_id=ada.pk, code=used), workers=4)
    assert sum(outcome is not None for outcome in outcomes) == 1


def test_a_recovery_code_works_once_however_it_is_typed(codes):
    for typed, works in [(codes[0].upper().replace("-", " "), True), (codes[0], False)]:
        browser = Client()
        enter_code(browser, enter_password(browser), typed)
        assert is_in(browser) == works
    assert second_factor.recovery_codes_left(User.objects.get().pk) == 9


def test_the_proof_of_the_password_is_good_for_this_login_alone(codes, ada):
    browser = Client()
    form = filled_in(enter_password(browser), "code-form")
    ada.set_password("something else 8")
    ada.save()
    answer = browser.post("/admin/login/", form | {"code": code_now()})
    assert "took too long" in text_of(answer)
    for proof in ("", "forged", "\x00", form["proof"][:-1] + "_"):
        browser.post("/admin/login/", {"proof": proof, "code": code_now()})
        assert not is_in(browser)


def test_who_is_deactivated_between_the_steps_stays_out(codes, ada):
    browser = Client()
    page = enter_password(browser)
    User.objects.update(is_active=False)
    enter_code(browser, page, code_now())
    assert not is_in(browser)


# Guessing


def test_wrong_codes_and_passwords_together_lock_the_login(codes):
    browser = Client()
    page = enter_password(browser)
    enter_password(browser, password="wrong")
    statuses = [enter_code(browser, page, wrong()).status_code for _n in range(4)]
    assert statuses == [200, 200, 200, 429]
    assert enter_code(browser, page, code_now()).status_code == 429
    assert enter_password(browser).status_code == 429
    assert not is_in(browser)


def test_a_right_password_does_not_forgive_wrong_codes(codes):
    browser = Client()
    for _n in range(4):
        enter_code(browser, enter_password(browser), wrong())
    assert enter_code(browser, enter_password(browser), wrong()).status_code == 429


def test_after_a_wrong_code_the_right_one_has_to_wait(codes, settings, ada):
    settings.OTP_TOTP_THROTTLE_FACTOR = 60
    browser = Client()
    page = enter_password(browser)
    enter_code(browser, page, wrong())
    assert enter_code(browser, page, code_now()).status_code == 200
    assert enter_code(browser, page, next(iter(codes_of(ada)), "")).status_code == 200
    second_factor.forget_wrong_codes(user_id=ada.pk)
    assert enter_code(browser, page, code_now()).status_code == 302


def codes_of(user: User) -> list[str]:
    """New recovery codes; the device keeps its memory of wrong ones."""
    return second_factor.renew_recovery_codes(user_id=user.pk)


# Sessions that are half open


def test_a_session_from_before_the_app_is_asked_for_a_code(ada):
    browser = log_in()
    give_app(ada)
    assert not is_in(browser)
    assert browser.get(PRODUCTS).status_code == 401
    page = browser.get("/admin/login/")
    assert enter_code(browser, page, code_now()).status_code == 302
    assert is_in(browser)


def test_a_session_that_skipped_the_code_gets_nowhere(codes, ada):
    browser = Client()
    browser.force_login(ada)
    assert not is_in(browser)
    assert browser.get(PRODUCTS).status_code == 401
    for address in ("account/", "account/app/", "account/app/off/", "password_change/"):
        answer = browser.get(f"/admin/{address}")
        assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/admin/login/")
    session = browser.session
    session[second_factor.PASSED] = device_of(ada).pk + 1
    session.save()
    assert not is_in(browser)
