"""Authentication, permissions and the quota as a DRF view meets them."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.db import models
from rest_framework.authentication import SessionAuthentication
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from common.access import quota
from common.access.authentication import ApiKeyAuthentication, StaffSessionAuthentication
from common.access.models import ApiKey
from common.access.operations import revoke_key
from common.access.permissions import HasScope
from common.access.throttles import QuotaThrottle

pytestmark = pytest.mark.django_db

METHODS = ("get", "options", "post", "patch", "delete")
NEEDED = {
    "view_apikey": {"get", "options"},
    "add_apikey": {"post"},
    "change_apikey": {"patch"},
    "delete_apikey": {"delete"},
}


class KeysView(APIView):
    """Any view of any model will do; this one answers everything."""

    renderer_classes = [JSONRenderer]
    content_negotiation_class = DefaultContentNegotiation
    authentication_classes = [ApiKeyAuthentication, StaffSessionAuthentication]
    permission_classes = [HasScope.for_methods(read="products:read", write="products:write")]
    throttle_classes = [QuotaThrottle]
    model: type[models.Model] | None = ApiKey

    def answer(self, request):
        return Response({"client": str(request.user)})

    get = options = post = patch = delete = answer


def ask(method="get", *, key=None, user=None, verdict=None, view=KeysView, csrf_checks=False):
    request = getattr(APIRequestFactory(enforce_csrf_checks=csrf_checks), method)("/")
    request.user = user or AnonymousUser()
    if key is not None:
        request.META["HTTP_X_API_KEY"] = key
    if verdict is not None:
        request.quota_verdict = verdict
    return view.as_view()(request)


def staff(*permissions: str) -> User:
    user = User.objects.create_user("ada", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


def test_a_known_key_is_its_client(make_key):
    assert ask(key=make_key()).data == {"client": "shop"}


def test_every_key_that_is_not_accepted_gets_the_same_answer(make_key):
    revoked = make_key("revoked")
    revoke_key(name="revoked")
    expired = make_key("expired")
    ApiKey.objects.filter(name="expired").update(expires_at="2000-01-01T00:00Z")
    valid = make_key()
    refused = (revoked, expired, "unknown-but-well-formed", "", f"{valid},{valid}", "ÿ" * 20)
    answers = [ask(key=key) for key in refused]
    assert {answer.status_code for answer in answers} == {401}
    assert {answer["WWW-Authenticate"] for answer in answers} == {'ApiKey realm="api"'}
    assert len({str(answer.data) for answer in answers}) == 1


def test_without_a_key_the_challenge_is_the_same():
    answer = ask()
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'ApiKey realm="api"'


def test_a_wrong_key_is_not_made_good_by_a_session():
    assert ask(key="unknown-but-well-formed", user=staff("view_apikey")).status_code == 401


@pytest.mark.parametrize(
    ("scopes", "method", "status"),
    [
        (["products:read"], "get", 200),
        (["products:read"], "options", 200),
        (["products:read"], "post", 403),
        (["products:read"], "delete", 403),
        (["products:write"], "post", 200),
        (["products:write"], "patch", 200),
        (["products:write"], "get", 403),
        (["inventory:write", "inventory:read"], "get", 403),
    ],
)
def test_a_client_needs_the_scope_for_the_method(make_key, scopes, method, status):
    answer = ask(method, key=make_key("shop", *scopes))
    assert answer.status_code == status


def test_a_refusal_names_the_missing_scope(make_key):
    assert "products:write" in str(ask("post", key=make_key()).data)


def test_a_view_with_an_unknown_scope_does_not_start():
    with pytest.raises(ValueError, match="product:read"):
        HasScope.for_methods(read="product:read", write="products:write")


@pytest.mark.parametrize("permission", NEEDED)
def test_staff_need_the_models_permission_for_the_method(permission):
    user = staff(permission)
    allowed = {method for method in METHODS if ask(method, user=user).status_code == 200}
    assert allowed == NEEDED[permission]


def test_the_model_may_come_from_the_views_queryset():
    class QuerysetView(KeysView):
        model = None

        def get_queryset(self):
            return ApiKey.objects.all()

    user = staff("view_apikey")
    assert ask(user=user, view=QuerysetView).status_code == 200
    assert ask("post", user=user, view=QuerysetView).status_code == 403


def test_a_view_may_name_the_permissions_of_staff():
    class NamingView(KeysView):
        staff_permissions = {"GET": "access.add_apikey", "POST": "access.delete_apikey"}

    user = staff("add_apikey", "view_apikey", "change_apikey")
    answers = {
        method: ask(method, user=user, view=NamingView).status_code
        for method in ("get", "options", "post", "patch")
    }
    assert answers == {"get": 200, "options": 200, "post": 403, "patch": 403}


def test_the_permission_for_an_action_goes_before_the_methods():
    class ActingView(KeysView):
        action = "receive"
        staff_permissions = {
            "POST": "access.add_apikey",
            "receive": "access.change_apikey",
            "GET": ("access.view_apikey", "access.add_apikey"),
        }

    user = staff("add_apikey")
    assert ask("post", user=user, view=ActingView).status_code == 403
    ActingView.action = "create"
    assert ask("post", user=user, view=ActingView).status_code == 200
    assert ask("get", user=user, view=ActingView).status_code == 200  # of several, one will do
    ActingView.action = "receive"
    user = User.objects.get(pk=user.pk)  # who remembers no permissions
    user.user_permissions.set(Permission.objects.filter(codename="change_apikey"))
    assert ask("post", user=user, view=ActingView).status_code == 200


def test_a_view_about_nothing_is_for_superusers():
    class BareView(KeysView):
        model = None

    assert ask(user=staff("view_apikey"), view=BareView).status_code == 403
    root = User.objects.create_superuser("root")
    assert ask(user=root, view=BareView).status_code == 200


@pytest.mark.parametrize(
    "lacking",
    [{"is_staff": False}, {"is_staff": False, "is_superuser": True}, {"is_active": False}],
)
def test_a_session_counts_for_active_staff_only(lacking):
    user = staff("view_apikey")
    for name, value in lacking.items():
        setattr(user, name, value)
    assert ask(user=user).status_code == 401


def test_permissions_alone_do_not_make_staff():
    """Should a view accept the sessions of others, they get no further."""

    class AnySessionView(KeysView):
        authentication_classes = [SessionAuthentication]

    user = staff("view_apikey")
    assert ask(user=user, view=AnySessionView).status_code == 200
    user.is_staff = False
    assert ask(user=user, view=AnySessionView).status_code == 403


def test_a_staff_session_is_protected_against_forged_requests():
    user = staff("add_apikey")
    assert ask("post", user=user, csrf_checks=True).status_code == 403
    assert ask("post", user=user, csrf_checks=False).status_code == 200


def test_a_key_needs_no_csrf_token(make_key):
    key = make_key("shop", "products:write")
    assert ask("post", key=key, csrf_checks=True).status_code == 200


def test_past_the_quota_the_answer_says_when_to_come_again(make_key, own_redis):
    key = make_key(quota=2)
    assert [ask(key=key).status_code for _ in range(3)] == [200, 200, 429]
    assert ask(key=key)["Retry-After"] == "60"


def test_a_request_counted_before_is_not_counted_again(make_key, own_redis):
    key = make_key(quota=1)
    allowed = quota.Verdict(limit=1, remaining=0, reset_seconds=9, allowed=True)
    refused = quota.Verdict(limit=1, remaining=0, reset_seconds=9, allowed=False)
    assert ask(key=key, verdict=allowed).status_code == 200
    answer = ask(key=key, verdict=refused)
    assert (answer.status_code, answer["Retry-After"]) == (429, "9")
    assert ask(key=key).status_code == 200


def test_the_verdict_is_left_for_the_headers(make_key, own_redis):
    seen = []

    class LookingView(KeysView):
        def get(self, request):
            seen.append(request._request.quota_verdict)
            return Response()

    ask(key=make_key(quota=5), view=LookingView)
    ask(key=make_key("free", quota=0), view=LookingView)
    assert [verdict and verdict.remaining for verdict in seen] == [4, None]


def test_staff_are_not_counted(settings):
    settings.API_QUOTA_PER_MINUTE = 1
    user = staff("view_apikey")
    assert [ask(user=user).status_code for _ in range(3)] == [200] * 3


def test_a_request_without_permission_is_refused_before_it_is_counted(make_key, own_redis):
    key = make_key("shop", "products:read", quota=1)
    assert ask("post", key=key).status_code == 403
    assert ask(key=key).status_code == 200
