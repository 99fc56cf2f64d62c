"""Recognising a client: how often the database is asked, and how soon a no is a no."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from timeit import repeat

import pytest
import time_machine
from django.db import DatabaseError, connection

from common.access import verification
from common.access.models import ApiKey
from common.access.operations import revoke_key
from common.access.verification import REMEMBERED_SECONDS, verify
from tests.common.access.known import known

pytestmark = pytest.mark.django_db

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_a_cold_key_costs_one_query_and_a_warm_one_none(make_key, clock, django_assert_num_queries):
    secret = make_key()
    with django_assert_num_queries(1):
        client = verify(secret)
    with django_assert_num_queries(0):
        assert verify(secret) == client


def test_an_unknown_key_costs_one_query_and_then_none(clock, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert verify("unknown-but-well-formed") is None
    with django_assert_num_queries(0):
        assert verify("unknown-but-well-formed") is None


@pytest.mark.parametrize(
    "secret",
    ["", "short", "x" * 256, "x" * 100_000, "sëchzehn-Zeichen", "sixteen letters!", "\ud800" * 20],
)
def test_nonsense_is_unknown_without_a_query(secret, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert verify(secret) is None


def test_a_typing_error_costs_no_query(make_key, django_assert_num_queries):
    secret = make_key()
    other = "a" if secret[30] != "a" else "b"
    with django_assert_num_queries(0):
        assert verify(secret[:30] + other + secret[31:]) is None


def test_two_keys_sent_together_are_nobodys(make_key):
    secret = make_key()
    assert verify(f"{secret},{secret}") is None


def test_a_secret_under_another_pepper_is_unknown(make_key, settings):
    secret = make_key()
    settings.API_KEY_PEPPER = "another"
    assert verify(secret) is None


def test_a_revocation_is_in_force_within_a_second(make_key, clock):
    """Without a word from the process that revoked."""
    secret = make_key()
    assert verify(secret)
    revoke_key(name="shop")
    clock.pass_time(0.999)
    assert verify(secret) is None


def test_the_second_counts_from_before_the_query(make_key, clock, monkeypatch):
    """A key revoked while a slow query was on its way is not known for longer than a second."""
    secret = make_key()
    seconds_left = verification._seconds_left

    def slow(*args):
        clock.pass_time(0.9)
        return seconds_left(*args)

    monkeypatch.setattr(verification, "_seconds_left", slow)
    assert verify(secret)
    revoke_key(name="shop")
    assert verify(secret) is None


def test_a_key_ends_at_its_very_moment_even_when_it_is_remembered(make_key, clock):
    with time_machine.travel(NOON, tick=False) as time:
        secret = make_key(expires_in=timedelta(seconds=0.5))
        assert verify(secret)
        time.shift(0.5)
        clock.pass_time(0.5)
        assert verify(secret) is None


def test_a_key_without_a_quota_of_its_own_has_the_default(make_key, settings):
    settings.API_QUOTA_PER_MINUTE = 77
    assert known(make_key()).quota == 77
    assert known(make_key("free", quota=0)).quota == 0


def test_a_client_allows_its_scopes_and_looks_like_a_user(make_key):
    client = known(make_key("shop", "products:read", "inventory:read"))
    assert client.allows("inventory:read")
    assert not client.allows("inventory:write")
    assert client.is_authenticated
    assert not client.is_staff
    assert str(client) == "shop"


def test_made_up_keys_do_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(verification, "REMEMBERED_KEYS", 10)
    for number in range(25):
        verify(f"made-up-key-number-{number}")
        assert len(verification._findings) <= 10


def test_no_secret_is_kept_in_memory(make_key):
    secret = make_key()
    verify(secret)
    assert secret not in repr(verification._findings)


@pytest.mark.django_db(transaction=True)
def test_the_use_of_a_key_is_noted_once_a_minute(make_key, clock, django_assert_num_queries):
    secret = make_key()
    with time_machine.travel(NOON, tick=False) as time:
        verify(secret)
        assert ApiKey.objects.get().last_used_at == NOON
        time.shift(MINUTE - timedelta(seconds=1))
        clock.pass_time(REMEMBERED_SECONDS)
        with django_assert_num_queries(1):
            verify(secret)
        time.shift(timedelta(seconds=1))
        clock.pass_time(REMEMBERED_SECONDS)
        with django_assert_num_queries(2):
            verify(secret)
        assert ApiKey.objects.get().last_used_at == NOON + MINUTE


@pytest.mark.django_db(transaction=True)
def test_a_key_is_recognised_when_its_use_cannot_be_noted(make_key, caplog):
    def read_only(execute, sql, *args):
        if sql.startswith("UPDATE"):
            raise DatabaseError("cannot execute UPDATE in a read-only transaction")
        return execute(sql, *args)

    secret = make_key()
    with connection.execute_wrapper(read_only), caplog.at_level(logging.WARNING):
        assert verify(secret)
    assert "could not be noted" in caplog.text
    assert secret not in caplog.text


def test_nothing_is_written_inside_the_transaction_of_others(make_key):
    assert connection.in_atomic_block
    assert verify(make_key())
    assert ApiKey.objects.get().last_used_at is None


def test_a_warm_key_costs_less_than_a_fifth_of_a_millisecond(make_key):
    secret = make_key()
    verify(secret)
    assert min(repeat(lambda: verify(secret), number=10, repeat=20)) / 10 < 0.0002


def test_what_the_index_found_is_compared_again(make_key, monkeypatch):
    """Should a look-up ever find the wrong row, nobody gets in."""
    secret = make_key()
    monkeypatch.setattr("hmac.compare_digest", lambda stored, wanted: False)
    assert verify(secret) is None
