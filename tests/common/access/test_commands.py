"""The operator's commands: what they print, and what their exit codes say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.management import CommandError, call_command

from common.access.models import ApiKey
from common.access.operations import rotate_key
from common.access.verification import verify
from tests.common.access.known import known

pytestmark = pytest.mark.django_db

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def test_create_prints_the_secret_alone(capsys):
    call_command("create_api_key", "shop", "--scope", "products:read", "inventory:read")
    printed = capsys.readouterr()
    assert printed.err == ""
    client = known(printed.out.removesuffix("\n"))
    assert client.scopes == {"products:read", "inventory:read"}


def test_scopes_may_be_given_together_or_one_by_one(capsys):
    scopes = ["--scope", "products:read", "--scope", "events:read", "webhooks:read"]
    call_command("create_api_key", "shop", *scopes)
    assert ApiKey.objects.get().scopes == ["events:read", "products:read", "webhooks:read"]


@time_machine.travel(NOON, tick=False)
def test_quota_and_expiry_are_taken_over():
    options = ["--scope", "products:read", "--quota", "0", "--expires-in", "30"]
    call_command("create_api_key", "shop", *options)
    key = ApiKey.objects.get()
    assert key.quota_per_minute == 0
    assert key.expires_at == NOON + timedelta(days=30)
    assert key.created_by == "command line"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["shop"], "--scope"),
        (["--scope", "products:read"], "name"),
        (["shop", "--scope", "products:all"], "invalid choice: 'products:all'"),
        (["shop", "--scope", "products:read", "--quota", "-1"], "quota"),
        (["shop", "--scope", "products:read", "--expires-in", "0"], "--expires-in takes 1"),
        (["shop", "--scope", "products:read", "--expires-in", "99999999999"], "--expires-in"),
        (["taken", "--scope", "products:read"], "taken already"),
    ],
)
def test_a_wrong_argument_is_named_and_nothing_is_made(make_key, capsys, arguments, sentence):
    make_key("taken")
    with pytest.raises(CommandError, match=sentence):
        call_command("create_api_key", *arguments)
    assert ApiKey.objects.count() == 1
    assert capsys.readouterr().out == ""


def test_list_shows_everything_but_secrets(make_key, capsys):
    with time_machine.travel(NOON, tick=False):
        first = make_key("shop", "products:read", "inventory:read", quota=100)
        second = rotate_key(key_id=ApiKey.objects.get().pk, overlap=timedelta(days=1))
        make_key("erp", quota=0, expires_in=timedelta(days=30))
        make_key("a very long name")
        call_command("revoke_api_key", "a very long name")
        ApiKey.objects.filter(name="shop").update(last_used_at=NOON)
        capsys.readouterr()
        call_command("list_api_keys")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["NAME", "a very long name", "erp", "shop"]
    assert lines[1].split()[4:6] == ["revoked", "default"]
    assert lines[2].split()[1:5] == ["active", "unlimited", "2030-01-31", "12:00"]
    assert lines[3].split() == [
        *("shop", "active", "100/min", "never", "2030-01-01", "12:00"),
        *(first[-4:], second[-4:], "inventory:read", "products:read"),
    ]
    assert first not in "".join(lines)
    columns = [
        line.index(word) for line, word in zip(lines, ("STATUS", "rev", "act"), strict=False)
    ]
    assert len(set(columns)) == 1


def test_list_without_keys_prints_headings(capsys):
    call_command("list_api_keys")
    assert capsys.readouterr().out.startswith("NAME")


def test_revoke_says_since_when(make_key, capsys):
    secret = make_key()
    with time_machine.travel(NOON, tick=False):
        call_command("revoke_api_key", "shop")
    assert capsys.readouterr().out == "shop was revoked on 2030-01-01 12:00 UTC.\n"
    assert verify(secret) is None


def test_revoking_an_unknown_key_fails():
    with pytest.raises(CommandError, match="no API key named nobody"):
        call_command("revoke_api_key", "nobody")
