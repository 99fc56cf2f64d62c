"""Who does nothing for a while is logged out."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from common.people.middleware import BACKGROUND
from common.people.models import StaffSession
from tests.back_office import filled_in, text_of
from tests.common.importing.files import as_csv, checked
from tests.common.people.logins import (
    PASSWORD,
    is_in,
    log_in,
    person,
)

pytestmark = pytest.mark.django_db

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


# Idle


def test_who_does_nothing_for_an_hour_is_logged_out_and_told_why():
    browser = log_in()
    unused_for(59)
    assert is_in(browser)
    unused_for(61)
    answer = browser.get(f"{PRODUCTS}?q=mug")
    assert answer.status_code == 302
    page = browser.get(answer["Location"])
    assert "because nobody used this browser" in text_of(page)
    assert not StaffSession.objects.exists()
    entered = filled_in(page, "login-form", username="ada", password=PASSWORD)
    back = browser.post(page.context["app_path"], entered)
    assert back["Location"] == f"{PRODUCTS}?q=mug"


def test_what_was_sent_too_late_is_said_to_be_lost():
    browser = log_in()
    unused_for(61)
    page = browser.post(f"{PRODUCTS}add/", {"name": "Mug"}, follow=True)
    assert "was not saved" in text_of(page)


def test_who_was_never_logged_in_is_told_nothing_of_the_sort():
    assert "nobody used" not in text_of(Client().get(PRODUCTS, follow=True))


def test_the_api_takes_no_session_that_nobody_uses():
    browser = log_in()
    assert browser.get("/api/v1/products").status_code == 200
    unused_for(61)
    assert browser.get("/api/v1/products").status_code == 401


@pytest.mark.parametrize(("minutes", "still_in"), [(0, True), (5, False)])
def test_how_long_is_a_setting(settings, minutes, still_in):
    settings.STAFF_IDLE_MINUTES = minutes
    browser = log_in()
    unused_for(600)
    assert is_in(browser) == still_in


def test_every_request_counts_but_is_written_down_once_a_minute():
    browser = log_in()
    unused_for(0.5)
    before = seen_at()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        is_in(browser)
    assert seen_at() == before
    assert not [one for one in queries if one["sql"].startswith("UPDATE")]
    unused_for(2)
    is_in(browser)
    assert timezone.now() - seen_at() < timedelta(seconds=30)


def test_a_page_that_asks_for_news_by_itself_keeps_no_session_alive():
    browser = log_in()
    unused_for(30)
    before = seen_at()
    by_script = {"Sec-Fetch-Dest": "empty"}
    told_left = browser.get("/admin/still-here/", headers=by_script).json()
    assert 29 * 60 <= told_left["seconds_left"] <= 30 * 60
    assert seen_at() == before
    told_left = browser.post("/admin/still-here/", headers=by_script).json()
    assert told_left["seconds_left"] >= 59 * 60
    assert seen_at() > before


def test_polling_over_plain_http_does_not_keep_a_session_alive():
    """A phone on the local network: its browser says nothing of who is asking."""
    checked_file = checked("counts", as_csv(["sku", "counted"], ["MUG", 5]))
    news = [
        "/admin/still-here/",
        reverse("admin:importing_import_progress", args=[checked_file.pk]),
    ]
    browser = log_in()
    unused_for(59)
    before = seen_at()
    for address in news:
        assert browser.get(address, headers={"X-Requested-With": "background"}).status_code == 200
    assert seen_at() == before
    unused_for(61)
    assert browser.get("/admin/still-here/").json()["seconds_left"] == 0
    assert not is_in(browser)


def test_a_click_over_plain_http_keeps_the_session_alive():
    browser = log_in()
    unused_for(59)
    by_hand = {"X-Requested-With": "background"}
    assert browser.post("/admin/still-here/", headers=by_hand).json()["seconds_left"] >= 59 * 60
    unused_for(59)
    before = seen_at()
    browser.get(PRODUCTS)
    assert seen_at() > before


def test_every_script_of_ours_that_asks_by_itself_says_so():
    asking = {path.name: path.read_text() for path in scripts() if asks_by_itself(path)}
    assert asking.keys() == {"idle.js", "progress.js"}
    for name, text in asking.items():
        assert f'"X-Requested-With": "{BACKGROUND}"' in text, name


def scripts() -> list[Path]:
    apps = [Path(settings.BASE_DIR) / name for name in ("common", "inventory", "products")]
    return [path for app in apps for path in app.rglob("static/**/*.js")]


def asks_by_itself(path: Path) -> bool:
    text = path.read_text()
    return "fetch(" in text and ("setTimeout(" in text or "setInterval(" in text)


def test_a_script_is_told_when_it_is_over():
    browser = log_in()
    unused_for(61)
    assert browser.get("/admin/still-here/").json()["seconds_left"] == 0
    assert Client().get("/admin/still-here/").json()["seconds_left"] == 0


def test_pages_carry_the_script_that_keeps_typing_staff_logged_in():
    assert "people/idle.js?minutes=60&amp;ask=" in text_of(log_in().get("/admin/"))
