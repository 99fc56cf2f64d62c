"""Cookies that claim to be a session's key."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("claimed", ["abcdefgh\x00", "é" * 32, "a" * 7, "abcd efgh", "a" * 7_000])
def test_what_can_be_no_key_is_nobodys_session(claimed):
    visitor = Client()
    visitor.cookies["sessionid"] = claimed
    assert visitor.get("/admin/").status_code == 302
    assert visitor.get("/api/v1/products").status_code == 401


def test_a_session_that_was_opened_is_found_again():
    visitor = Client()
    visitor.force_login(User.objects.create_superuser("ana"))
    assert visitor.get("/admin/").status_code == 200
