"""Making, changing, rotating, revoking and ensuring keys."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from uuid import uuid4

import pytest
import time_machine
from django.db import connection

from common.access import keys
from common.access.errors import InvalidKey, KeyNameTaken, KeyRevoked, UnknownKey
from common.access.models import ApiKey, ApiKeySecret
from common.access.operations import change_key, create_key, ensure_key, revoke_key, rotate_key
from common.access.scopes import ALL_SCOPES
from common.access.verification import forget_findings, verify
from tests.common.access.known import known, works

pytestmark = pytest.mark.django_db

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SECRET, OTHER_SECRET = "the-secret-of-the-operator", "another-secret-of-the-operator"


def test_a_new_key_works_and_can_do_what_was_asked():
    key, secret = create_key(
        name="shop",
        scopes={"inventory:read", "products:read"},
        quota=100,
        expires_in=DAY,
        created_by="ada",
    )
    client = known(secret)
    assert client.id == key.pk
    assert client.name == "shop"
    assert client.scopes == {"products:read", "inventory:read"}
    assert client.quota == 100
    assert key.created_by == "ada"


def test_nothing_that_is_stored_leads_back_to_the_secret(make_key):
    secret = make_key()
    row = ApiKeySecret.objects.get()
    assert row.public_id == secret.split("_")[2]
    assert row.last_four == secret[-4:]
    assert row.digest == keys.digest(secret)
    with connection.cursor() as cursor:
        cursor.execute("SELECT s::text || k::text FROM access_apikeysecret s, access_apikey k")
        (stored,) = cursor.fetchone()
    assert secret.split("_")[3][:20] not in stored


def test_a_name_is_not_given_again_even_after_a_revocation(make_key):
    make_key("shop")
    revoke_key(name="shop")
    with pytest.raises(KeyNameTaken) as refused:
        make_key("shop")
    assert (refused.value.code, refused.value.attribute) == ("duplicate", "name")


@pytest.mark.parametrize(
    ("changes", "attribute"),
    [
        ({"name": ""}, "name"),
        ({"name": " shop"}, "name"),
        ({"name": "sh\nop"}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["products:everything"]}, "scopes"),
        ({"quota": -1}, "quota"),
        ({"quota": 10**9 + 1}, "quota"),
        ({"expires_in": timedelta(0)}, "expires_at"),
    ],
)
def test_what_no_key_can_have_is_refused_by_its_name(changes, attribute):
    wanted = {"name": "shop", "scopes": ["products:read"], "created_by": "ada", **changes}
    with pytest.raises(InvalidKey) as refused:
        create_key(**wanted)
    assert refused.value.attribute == attribute
    assert not ApiKey.objects.exists()


def test_a_changed_key_can_do_other_things(make_key):
    secret = make_key()
    key = ApiKey.objects.get()
    change_key(key_id=key.pk, scopes=["events:read"], quota=0, expires_at=None)
    client = known(secret)
    assert client.scopes == {"events:read"}
    assert client.quota == 0


@pytest.mark.parametrize("overlap", [timedelta(0), DAY, timedelta(days=7)])
def test_after_a_rotation_the_old_secret_works_for_the_overlap(make_key, overlap):
    with time_machine.travel(NOON, tick=False) as time:
        old = make_key()
        new = rotate_key(key_id=ApiKey.objects.get().pk, overlap=overlap)
        assert works(new)
        assert works(old) == (overlap > timedelta(0))
        time.shift(overlap)
        assert works(new)
        assert not works(old)


def test_both_secrets_are_the_same_client(make_key):
    old = make_key()
    new = rotate_key(key_id=ApiKey.objects.get().pk, overlap=DAY)
    assert verify(old) == verify(new)


def test_a_second_rotation_never_prolongs_a_secret(make_key):
    with time_machine.travel(NOON, tick=False) as time:
        first = make_key()
        key_id = ApiKey.objects.get().pk
        rotate_key(key_id=key_id, overlap=DAY)
        rotate_key(key_id=key_id, overlap=7 * DAY)
        time.shift(DAY)
        assert not works(first)


def test_a_rotation_at_once_ends_every_older_secret(make_key):
    first = make_key()
    key_id = ApiKey.objects.get().pk
    second = rotate_key(key_id=key_id, overlap=7 * DAY)
    rotate_key(key_id=key_id)
    assert not works(first)
    assert not works(second)


@pytest.mark.parametrize("overlap", [timedelta(seconds=-1), timedelta(days=7, seconds=1)])
def test_an_overlap_is_0_to_7_days(make_key, overlap):
    make_key()
    with pytest.raises(InvalidKey):
        rotate_key(key_id=ApiKey.objects.get().pk, overlap=overlap)


def test_revoking_twice_keeps_the_first_moment(make_key):
    make_key()
    first = revoke_key(name="shop").revoked_at
    assert revoke_key(name="shop").revoked_at == first


def test_a_revoked_key_can_be_neither_rotated_nor_changed(make_key):
    secret = make_key()
    key_id = revoke_key(name="shop").pk
    with pytest.raises(KeyRevoked):
        rotate_key(key_id=key_id)
    with pytest.raises(KeyRevoked):
        change_key(key_id=key_id, scopes=["products:read"], quota=None, expires_at=None)
    assert not works(secret)


def test_unknown_keys_are_refused():
    with pytest.raises(UnknownKey):
        revoke_key(name="nobody")
    with pytest.raises(UnknownKey):
        rotate_key(key_id=uuid4())


def test_an_ensured_key_can_do_everything_without_limit():
    ensure_key(name="bootstrap", secret=SECRET)
    client = known(SECRET)
    assert (client.name, client.scopes, client.quota) == ("bootstrap", ALL_SCOPES, 0)


def test_ensuring_again_changes_nothing():
    first = ensure_key(name="bootstrap", secret=SECRET)
    assert ensure_key(name="bootstrap", secret=SECRET) == first
    assert ApiKeySecret.objects.count() == 1


def test_another_secret_under_the_same_name_replaces_the_first():
    ensure_key(name="bootstrap", secret=SECRET)
    ensure_key(name="bootstrap", secret=OTHER_SECRET)
    assert not works(SECRET)
    assert works(OTHER_SECRET)
    ensure_key(name="bootstrap", secret=SECRET)
    assert works(SECRET)
    assert not works(OTHER_SECRET)


def test_a_secret_of_another_key_stays_with_it_and_opens_everything(make_key):
    ensure_key(name="bootstrap", secret=OTHER_SECRET)
    secret = make_key("demo", "products:read", quota=5, expires_in=DAY)
    demo = known(secret)
    assert ensure_key(name="bootstrap", secret=secret).name == "demo"
    forget_findings()
    client = known(secret)
    assert (client.id, client.scopes, client.quota) == (demo.id, ALL_SCOPES, 0)
    assert ApiKey.objects.get(name="demo").expires_at is None
    assert not works(OTHER_SECRET)


def test_ensuring_a_secret_of_another_key_makes_no_empty_key(make_key):
    ensure_key(name="bootstrap", secret=make_key("demo"))
    assert list(ApiKey.objects.values_list("name", flat=True)) == ["demo"]


def test_a_revoked_secret_does_not_come_back_with_a_restart():
    ensure_key(name="bootstrap", secret=SECRET)
    revoke_key(name="bootstrap")
    with pytest.raises(KeyRevoked) as refused:
        ensure_key(name="bootstrap", secret=SECRET)
    assert "bootstrap" in refused.value.detail
    assert SECRET not in refused.value.detail
    assert not works(SECRET)


def test_a_new_secret_ends_the_revocation_of_the_name_alone():
    ensure_key(name="bootstrap", secret=SECRET)
    revoke_key(name="bootstrap")
    ensure_key(name="bootstrap", secret=OTHER_SECRET)
    assert works(OTHER_SECRET)
    assert not works(SECRET)


def test_a_secret_that_can_never_be_found_is_refused():
    mistyped = keys.issue().text[:-1] + "!"
    typo = keys.issue().text
    typo = typo[:-1] + ("a" if typo[-1] != "a" else "b")
    ensure_key(name="made up", secret=mistyped)
    for secret in ("fifteen-letters", "sixteen letters!", typo):
        with pytest.raises(InvalidKey):
            ensure_key(name="bootstrap", secret=secret)


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("names", [["bootstrap"] * 6, [f"bootstrap {n}" for n in range(6)]])
def test_processes_that_start_together_make_one_secret(names):
    together = Barrier(len(names), timeout=10)

    def start(name: str) -> str:
        try:
            together.wait()
            return ensure_key(name=name, secret=SECRET).name
        finally:
            connection.close()

    with ThreadPoolExecutor(len(names)) as threads:
        assert len(set(threads.map(start, names))) == 1
    assert ApiKey.objects.count() == ApiKeySecret.objects.count() == 1
    assert works(SECRET)


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_a_name_wanted_by_many_at_once_is_given_to_one():
    together = Barrier(6, timeout=10)

    def make(_: int) -> bool:
        try:
            together.wait()
            create_key(name="shop", scopes=["products:read"], created_by="ada")
        except KeyNameTaken:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(6) as threads:
        assert sum(threads.map(make, range(6))) == 1
    assert ApiKeySecret.objects.count() == 1
