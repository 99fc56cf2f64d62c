"""What exists after start-up: the key that was asked for, and in a demo everything to try it."""

import pytest
from django.contrib.auth import get_user_model
from django.db import OperationalError, connection

from common.access.operations import revoke_key
from common.access.verification import verify
from config import demo, prepare
from config.environment import SettingError


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch, tmp_path):
    for name in ("API_KEY", "DATABASE_URL", "DEMO"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(demo, "KEY_FILE", tmp_path / "key")
    monkeypatch.setattr(demo, "PASSWORD_FILE", tmp_path / "password")


@pytest.mark.parametrize(
    ("set_to", "access", "data"),
    [
        ({}, True, True),
        ({"DEMO": "0"}, True, False),
        ({"DATABASE_URL": "postgres://db/stock"}, False, False),
        ({"DATABASE_URL": "postgres://db/stock", "DEMO": "0"}, False, False),
        ({"DATABASE_URL": "postgres://db/stock", "DEMO": "1"}, True, True),
    ],
)
def test_a_database_of_ones_own_gets_a_demo_only_when_asked(monkeypatch, set_to, access, data):
    for name, value in set_to.items():
        monkeypatch.setenv(name, value)
    assert (demo.wants_access(), demo.wants_data()) == (access, data)
    assert (demo.api_key() is not None, demo.staff_password() is not None) == (access, access)


def test_the_demo_key_and_password_stay_the_same():
    assert demo.api_key() == demo.api_key()
    assert demo.staff_password() == demo.staff_password()


def test_a_given_key_takes_the_place_of_the_demo_key(monkeypatch):
    monkeypatch.setenv("API_KEY", "a-key-of-my-own-choice")
    assert demo.api_key() == "a-key-of-my-own-choice"
    assert not demo.KEY_FILE.exists()


@pytest.mark.django_db
def test_the_key_works_after_start_up_and_after_the_next_one(monkeypatch):
    monkeypatch.setenv("API_KEY", "a-key-of-my-own-choice")
    for _start in range(2):
        prepare._ensure_key("a-key-of-my-own-choice")
    client = verify("a-key-of-my-own-choice")
    assert client
    assert client.name == "bootstrap"


@pytest.mark.django_db
def test_a_revoked_key_is_one_sentence_that_names_its_variable(monkeypatch):
    monkeypatch.setenv("API_KEY", "a-key-of-my-own-choice")
    prepare._ensure_key("a-key-of-my-own-choice")
    revoke_key(name="bootstrap")
    with pytest.raises(SettingError, match=r"^API_KEY cannot be used as a key: .*\.$"):
        prepare._ensure_key("a-key-of-my-own-choice")


@pytest.mark.django_db
def test_the_demo_login_is_made_once_and_its_password_is_kept():
    prepare._ensure_staff()
    made = get_user_model().objects.get(username="demo")
    prepare._ensure_staff()
    kept = get_user_model().objects.get(username="demo")
    assert made.check_password(demo.staff_password())
    assert (made.is_superuser, kept.password) == (True, made.password)
    assert made.email == "demo@example.com"  # so that a mail can be tried


@pytest.mark.django_db
def test_a_lost_demo_password_is_replaced():
    prepare._ensure_staff()
    demo.PASSWORD_FILE.unlink()
    prepare._ensure_staff()
    user = get_user_model().objects.get(username="demo")
    assert user.check_password(demo.staff_password())


def test_an_unreachable_database_is_one_sentence_that_names_its_variable(monkeypatch):
    def fail():
        raise OperationalError("connection refused\nIs the server running?")

    monkeypatch.setattr(connection, "ensure_connection", fail)
    with pytest.raises(
        SettingError, match=r"^DATABASE_URL leads to no usable database: .*refused$"
    ):
        prepare._reach_database()
