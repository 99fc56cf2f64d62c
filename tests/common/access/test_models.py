"""What the database refuses, whatever the code forgot."""

from __future__ import annotations

import pytest
from django.db import IntegrityError

from common.access.models import ApiKey, ApiKeySecret

pytestmark = pytest.mark.django_db


def a_key(**changes):
    return ApiKey.objects.create(
        **{"name": "shop", "scopes": ["products:read"], "created_by": "a test", **changes}
    )


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"name": ""}, "api_key_name_not_empty"),
        ({"scopes": []}, "api_key_scopes_known"),
        ({"scopes": ["products:read", "everything"]}, "api_key_scopes_known"),
        ({"quota_per_minute": -1}, "quota_per_minute"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(changes, constraint):
    with pytest.raises(IntegrityError, match=constraint):
        a_key(**changes)


def test_a_name_is_given_once():
    a_key()
    with pytest.raises(IntegrityError, match="api_key_name_unique"):
        a_key()


def test_a_secret_belongs_to_one_key():
    a_key().secrets.create(digest=b"x" * 32, last_four="abcd")
    with pytest.raises(IntegrityError, match="api_key_secret_digest_unique"):
        a_key(name="erp").secrets.create(digest=b"x" * 32, last_four="abcd")


def test_only_a_digest_is_stored_and_never_a_secret():
    with pytest.raises(IntegrityError, match="api_key_secret_digest_length"):
        a_key().secrets.create(digest=b"sk_live_secret", last_four="abcd")


def test_texts_for_people_hold_no_secret():
    secret = ApiKeySecret(key=ApiKey(name="shop"), digest=b"x" * 32, last_four="abcd")
    assert (str(secret.key), str(secret)) == ("shop", "…abcd")
