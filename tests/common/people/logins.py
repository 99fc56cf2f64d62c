"""Logging in as a browser does, with an authenticator app that shows the right codes."""

from __future__ import annotations

import time
from binascii import unhexlify
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import User
from django.test import Client
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from common.people import second_factor
from tests.back_office import filled_in

if TYPE_CHECKING:
    pass

LOGIN = "/admin/login/"
PASSWORD = "correct horse 7"
KEY = "0123456789abcdef0123456789abcdef01234567"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"


def code_now(key: str = KEY, *, steps: int = 0) -> str:
    """What the app shows; ``steps`` of 30 seconds from now."""
    totp = TOTP(unhexlify(key))
    totp.time = time.time() + 30 * steps
    return f"{totp.token():06}"


def person(name: str = "ada", *, is_superuser: bool = True) -> User:
    return User.objects.create_user(
        name, password=PASSWORD, is_staff=True, is_superuser=is_superuser
    )


def give_app(user: User) -> list[str]:
    """An app that has shown a code of half a minute ago; returns the recovery codes."""
    _device, codes = second_factor.set_up(user_id=user.pk, key=KEY, code=code_now(steps=-1))
    return codes


def enter_password(browser: Client, name: str = "ada", **more: Any) -> Any:
    entered = {"username": name, "password": PASSWORD} | more
    return browser.post(LOGIN, entered, headers={"User-Agent": FIREFOX})


def enter_code(browser: Client, page: Any, code: str, **more: Any) -> Any:
    return browser.post(LOGIN, filled_in(page, "code-form", code=code) | more)


def log_in(name: str = "ada", **more: Any) -> Client:
    """A browser in which somebody without an app has logged in."""
    browser = Client(**more)
    assert enter_password(browser, name).status_code == 302
    return browser


def is_in(browser: Client) -> bool:
    return browser.get("/admin/").status_code == 200


def device_of(user: User) -> TOTPDevice:
    return TOTPDevice.objects.get(user=user)
