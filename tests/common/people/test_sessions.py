"""Where staff are logged in, until when, and how that ends."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from common.people.models import StaffSession
from common.people.sessions import agent_in_short, sweep_sessions
from common.people.tasks import sweep_sessions as sweep_task
from tests.back_office import filled_in, staff, text_of, told
from tests.common.people.logins import (
    FIREFOX,
    LOGIN,
    PASSWORD,
    enter_password,
    is_in,
    log_in,
    person,
)

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

ACCOUNT = "/admin/account/"
PRODUCTS = "/admin/products/product/"


@pytest.fixture(autouse=True)
def ada():
    return person()


def unused_for(minutes: float) -> None:
    """As if nobody had used any session for so long."""
    StaffSession.objects.update(seen_at=timezone.now() - timedelta(minutes=minutes))


def seen_at():
    return StaffSession.objects.get().seen_at


# The list


def test_one_sees_where_one_is_logged_in_and_nobody_else_s():
    browser = log_in()
    log_in(REMOTE_ADDR="192.0.2.7")
    person("bob")
    log_in("bob", REMOTE_ADDR="192.0.2.99")
    page = text_of(browser.get(ACCOUNT))
    assert page.count("Firefox, Linux") >= 2
    assert "192.0.2.7" in page
    assert "this one" in page
    assert "192.0.2.99" not in page


def test_no_page_shows_the_key_of_a_session(admin_client, ada):
    browser = log_in()
    pages = [browser.get(ACCOUNT), admin_client.get(f"/admin/auth/user/{ada.pk}/change/")]
    for key in StaffSession.objects.values_list("session_key", flat=True):
        assert not [page for page in pages if key in text_of(page)]


def test_one_ends_another_session_of_one_s_own():
    here, there = log_in(), log_in()
    other = StaffSession.objects.get(session_key=there.session.session_key)
    answer = here.post(f"{ACCOUNT}sessions/{other.id}/end/", follow=True)
    assert told(answer) == ["That browser has been logged out."]
    assert (is_in(here), is_in(there)) == (True, False)
    answer = here.post(f"{ACCOUNT}sessions/{other.id}/end/", follow=True)
    assert told(answer) == ["That browser was logged out already."]


def test_one_ends_all_but_this_one_and_nobody_else_s():
    here, there, elsewhere = log_in(), log_in(), log_in()
    person("bob")
    bob = log_in("bob")
    here.post(f"{ACCOUNT}sessions/end/")
    assert [is_in(one) for one in (here, there, elsewhere, bob)] == [True, False, False, True]


def test_one_cannot_end_somebody_else_s():
    person("bob")
    bob, here = log_in("bob"), log_in()
    theirs = StaffSession.objects.get(session_key=bob.session.session_key)
    here.post(f"{ACCOUNT}sessions/{theirs.id}/end/")
    assert is_in(bob)


def test_looking_ends_nothing():
    here, there = log_in(), log_in()
    other = StaffSession.objects.get(session_key=there.session.session_key)
    for address in (f"{ACCOUNT}sessions/{other.id}/end/", f"{ACCOUNT}sessions/end/"):
        assert here.get(address).status_code == 405
    assert is_in(there)


def test_the_list_takes_as_many_queries_for_many_sessions_as_for_few(django_assert_max_num_queries):
    browser = log_in()
    with CaptureQueriesContext(connection) as few:
        browser.get(ACCOUNT)
    count = len(few)
    for _n in range(10):
        log_in()
    with django_assert_max_num_queries(count):
        browser.get(ACCOUNT)


# Other ends


def test_a_new_password_ends_the_other_sessions(ada):
    here, there = log_in(), log_in()
    new = "another horse 8"
    entered = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert here.post("/admin/password_change/", entered).status_code == 302
    assert (is_in(here), is_in(there)) == (True, False)
    assert StaffSession.objects.filter(user=ada).count() == 1


def test_a_password_given_by_an_administrator_ends_all_sessions(admin_client, ada):
    browser = log_in()
    new = "another horse 8"
    entered = {"password1": new, "password2": new, "usable_password": "true"}
    answer = admin_client.post(f"/admin/auth/user/{ada.pk}/password/", entered)
    assert answer.status_code == 302
    assert not is_in(browser)
    assert not StaffSession.objects.filter(user=ada).exists()


def test_a_session_of_somebody_deactivated_ends_at_once(admin_client, ada):
    browser = log_in()
    page = admin_client.get(f"/admin/auth/user/{ada.pk}/change/")
    form = filled_in(page, "user_form")
    for name in ("is_active", "groups", "user_permissions"):
        form.pop(name, None)
    admin_client.post(f"/admin/auth/user/{ada.pk}/change/", form)
    assert not is_in(browser)
    assert browser.get("/api/v1/products").status_code == 401
    assert not StaffSession.objects.filter(user=ada).exists()


def test_deactivated_in_any_other_way_it_ends_too(ada):
    browser = log_in()
    User.objects.update(is_active=False)
    assert not is_in(browser)


def test_a_logout_leaves_nothing_behind():
    browser = log_in()
    browser.post("/admin/logout/")
    assert not StaffSession.objects.exists()


def test_an_administrator_sees_and_ends_sessions_and_others_do_not(ada):
    User.objects.update(is_superuser=False)
    browser = log_in()
    page = f"/admin/auth/user/{ada.pk}/"
    reader = staff("view_user", "change_user", name="reader")
    assert "Firefox" not in text_of(reader.get(f"{page}change/"))
    assert reader.post(f"{page}end-sessions/").status_code == 403
    assert is_in(browser) or browser.get(ACCOUNT).status_code == 200
    chief = staff("view_user", "change_user", "view_staffsession", "delete_staffsession", name="c")
    assert "Firefox, Linux" in text_of(chief.get(f"{page}change/"))
    assert chief.post(f"{page}end-sessions/").status_code == 302
    assert browser.get(ACCOUNT).status_code == 302


# What is kept


def test_where_a_session_is_used_from_goes_with_it(ada):
    log_in(REMOTE_ADDR="192.0.2.7")
    row = StaffSession.objects.get()
    assert (row.address, row.agent, row.user) == ("192.0.2.7", FIREFOX, ada)
    unused_for(61)
    assert sweep_sessions(limit=10) == 1
    assert not StaffSession.objects.exists()


def test_the_sweeper_takes_what_has_ended_and_nothing_else():
    browser = log_in()
    for _n in range(3):
        log_in()
    ended = StaffSession.objects.exclude(session_key=browser.session.session_key)
    ended.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert sweep_task() == 3
    assert is_in(browser)


def test_a_visitor_who_has_not_logged_in_leaves_no_address():
    visitor = Client(REMOTE_ADDR="192.0.2.7")
    visitor.get(LOGIN)
    enter_password(visitor, password="wrong")
    assert not StaffSession.objects.exclude(address=None).exists()


def test_a_strange_browser_is_no_trouble():
    browser = Client()
    agent = "\x00é" * 400
    browser.post(LOGIN, {"username": "ada", "password": PASSWORD}, headers={"User-Agent": agent})
    assert is_in(browser)
    assert len(StaffSession.objects.get().agent) <= 255


@pytest.mark.parametrize(
    ("agent", "short"),
    [
        (FIREFOX, "Firefox, Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
            " Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
            "Edge, Windows",
        ),
        (
            "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko)"
            " Chrome/142.0.0.0 Mobile Safari/537.36",
            "Chrome, Android",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML,"
            " like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
            "Safari, iPhone",
        ),
        ("curl/8.5.0", "unknown browser"),
        ("", "unknown browser"),
    ],
    ids=["firefox", "edge", "android", "iphone", "curl", "none"],
)
def test_a_browser_is_named_in_short(agent, short):
    assert agent_in_short(agent) == short
