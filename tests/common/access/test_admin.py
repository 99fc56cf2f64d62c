"""API keys in the back office: what staff see and what is never kept."""

from __future__ import annotations

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from common.access.admin import ApiKeyAdmin
from common.access.models import ApiKey
from common.access.operations import revoke_key
from common.people.models import StaffSession
from tests.common.access.known import known, works

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

LIST = "admin:access_apikey_changelist"
ADD = "admin:access_apikey_add"
SECRET = re.compile(r"sk_(?:live|test)_\w+")
WANTED = {"name": "shop", "scopes": ["products:read", "events:read"], "quota_per_minute": "100"}


def url(action: str) -> str:
    return reverse(f"admin:access_apikey_{action}", args=[ApiKey.objects.get().pk])


@pytest.fixture
def secret(make_key):
    return make_key("shop", "products:read")


def shown_secret(response):
    (secret,) = set(SECRET.findall(response.content.decode()))
    return secret


def test_a_new_key_is_shown_once_on_the_page_after_saving(admin_client):
    response = admin_client.post(reverse(ADD), WANTED)
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    client = known(shown_secret(response))
    assert (client.name, client.quota) == ("shop", 100)
    assert client.scopes == {"products:read", "events:read"}
    assert ApiKey.objects.get().created_by == "admin"


@pytest.mark.parametrize("action", ["add", "rotate"])
def test_the_secret_is_kept_in_no_session_cookie_or_history(admin_client, action):
    response = admin_client.post(reverse(ADD), WANTED)
    if action == "rotate":
        response = admin_client.post(url("rotate"), {"overlap": "0"})
    random_part = shown_secret(response).split("_")[3]
    assert random_part not in str(admin_client.cookies)
    assert random_part not in str([row.get_decoded() for row in StaffSession.objects.all()])
    assert random_part not in str(list(LogEntry.objects.values()))
    assert LogEntry.objects.exists()
    for page in (reverse(LIST), url("change"), url("history")):
        assert random_part not in admin_client.get(page).content.decode()


def test_scopes_are_checkboxes(admin_client):
    page = admin_client.get(reverse(ADD)).content.decode()
    assert len(re.findall(r'type="checkbox" name="scopes"', page)) == 8
    assert "sk_" not in page


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "taken"}, "name"),
        ({"scopes": []}, "scopes"),
        ({"quota_per_minute": "-1"}, "quota_per_minute"),
        ({"expires_at_0": "2000-01-01", "expires_at_1": "00:00"}, "expires_at"),
    ],
)
def test_a_refusal_is_a_sentence_on_the_form(admin_client, make_key, changes, field):
    make_key("taken")
    response = admin_client.post(reverse(ADD), {**WANTED, **changes})
    assert response.status_code == 200
    assert response.context["adminform"].form.errors.keys() <= {field, "__all__"}
    assert ApiKey.objects.count() == 1


def test_a_refusal_by_the_operation_is_a_message(admin_client):
    response = admin_client.post(reverse(ADD), {**WANTED, "quota_per_minute": "2000000000"})
    assert response.status_code == 302
    page = admin_client.get(reverse(ADD)).content.decode()
    assert "The quota is 0 (unlimited) to 1000000000." in page


def test_scopes_quota_and_expiry_can_be_changed_but_not_the_name(admin_client, secret):
    changes = {"name": "other", "scopes": ["events:read"], "quota_per_minute": "7"}
    response = admin_client.post(url("change"), changes)
    assert response.status_code == 302
    key = ApiKey.objects.get()
    assert (key.name, key.scopes, key.quota_per_minute) == ("shop", ["events:read"], 7)


def test_a_rotation_asks_first_and_then_shows_the_new_secret(admin_client, secret):
    page = admin_client.get(url("rotate"))
    assert page.status_code == 200
    assert works(secret)
    response = admin_client.post(url("rotate"), {"overlap": "24"})
    assert works(shown_secret(response))
    assert works(secret)
    admin_client.post(url("rotate"), {"overlap": "0"})
    assert not works(secret)


def test_a_rotation_with_an_overlap_not_offered_changes_nothing(admin_client, secret):
    response = admin_client.post(url("rotate"), {"overlap": "999"})
    assert not SECRET.search(response.content.decode())
    assert ApiKey.objects.get().secrets.count() == 1


def test_a_revocation_asks_first(admin_client, secret):
    assert "cannot be undone" in admin_client.get(url("revoke")).content.decode()
    assert works(secret)
    assert admin_client.post(url("revoke"), follow=True).status_code == 200
    assert not works(secret)
    assert LogEntry.objects.get().change_message == "Revoked."


def test_a_revoked_key_can_only_be_read(admin_client, secret):
    revoke_key(name="shop")
    assert admin_client.get(url("change")).status_code == 200
    for action in ("rotate", "revoke"):
        assert admin_client.post(url(action), {"overlap": "0"}).status_code == 403
    assert admin_client.post(url("change"), WANTED).status_code == 403


def test_a_key_revoked_by_a_colleague_meanwhile_is_not_rotated(admin_client, secret, monkeypatch):
    monkeypatch.setattr(ApiKeyAdmin, "has_change_permission", lambda *_: True)
    revoke_key(name="shop")
    assert admin_client.post(url("rotate"), {"overlap": "0"}).status_code == 302
    assert "shop has been revoked" in admin_client.get(url("rotate")).content.decode()


def test_keys_are_never_deleted(admin_client, secret):
    assert admin_client.post(url("delete"), {"post": "yes"}).status_code == 403
    marked = {"action": "delete_selected", "_selected_action": [ApiKey.objects.get().pk]}
    admin_client.post(reverse(LIST), marked)
    assert ApiKey.objects.exists()


def test_the_list_says_what_each_key_is_and_when_it_was_used(admin_client, secret, make_key):
    make_key("erp")
    revoke_key(name="erp")
    page = admin_client.get(reverse(LIST)).content.decode()
    assert secret[-4:] in page
    assert "active" in page
    assert "revoked" in page


def test_the_list_takes_the_same_queries_for_many_keys(
    admin_client, make_key, django_assert_max_num_queries
):
    for number in range(30):
        make_key(f"key {number}")
    with django_assert_max_num_queries(8):
        admin_client.get(reverse(LIST))


def test_staff_who_may_only_look_can_do_nothing_else(client, secret):
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_apikey"))
    client.force_login(viewer)
    assert client.get(reverse(LIST)).status_code == 200
    assert client.get(reverse(ADD)).status_code == 403
    for action in ("rotate", "revoke"):
        assert client.post(url(action), {"overlap": "0"}).status_code == 403
    assert works(secret)


@pytest.mark.parametrize("action", ["rotate", "revoke"])
@pytest.mark.parametrize("nobody", ["0190a0a0-0000-7000-8000-000000000000", "nonsense"])
def test_an_action_on_no_key_is_not_found(admin_client, action, nobody):
    address = reverse(f"admin:access_apikey_{action}", args=[nobody])
    assert admin_client.post(address, {"overlap": "0"}).status_code == 404
