"""Who may change whose account, and what nobody may do to themselves or the last superuser."""

from __future__ import annotations

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import Group, Permission, User
from django.db import transaction
from django.test import Client
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice

from common.people import powers
from common.people.models import AuditEntry
from tests.back_office import errors_on, filled_in, send, staff, text_of, told
from tests.common.people.logins import (
    code_now,
    enter_code,
    enter_password,
    give_app,
    is_in,
    log_in,
    person,
)
from tests.racing import race

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

MANAGER = ("view_user", "change_user", "add_user", "delete_user", "view_product")


def page(user: User, action: str = "change") -> str:
    return f"/admin/auth/user/{user.pk}/{action}/"


def permission(codename: str) -> Permission:
    return Permission.objects.get(codename=codename)


@pytest.fixture
def manager() -> Client:
    """Somebody who looks after users, and otherwise views products."""
    return staff(*MANAGER, name="manager")


@pytest.fixture
def bob() -> User:
    return User.objects.create_user("bob", is_staff=True)


def save(client: Client, user: User, **entered):
    """Send the form of a user's page; what a browser has not chosen, it does not send."""
    form = filled_in(client.get(page(user)), "user_form") | {"groups": [], "user_permissions": []}
    return client.post(page(user), form | entered, follow=True)


# No ladders


def test_one_gives_what_one_has(manager, bob):
    readers = Group.objects.create(name="readers")
    readers.permissions.add(permission("view_product"))
    save(manager, bob, groups=[readers.pk])
    assert list(bob.groups.all()) == [readers]


@pytest.mark.parametrize("field", ["groups", "user_permissions"])
def test_one_does_not_give_what_one_does_not_have(manager, bob, field):
    adjust = permission("adjust_stock")
    clerks = Group.objects.create(name="clerks")
    clerks.permissions.add(adjust)
    wanted = clerks if field == "groups" else adjust
    form = manager.get(page(bob)).context["adminform"].form
    assert wanted not in form.fields[field].queryset
    answer = save(manager, bob, **{field: [wanted.pk]})
    assert errors_on(answer).keys() == {field}
    assert not powers.own_permissions(bob)


def test_one_does_not_give_oneself_more(manager):
    me = User.objects.get(username="manager")
    before = powers.own_permissions(me)
    form = filled_in(manager.get(page(me)), "user_form")
    more = [*before, permission("adjust_stock").pk]
    manager.post(page(me), form | {"user_permissions": more, "is_superuser": "on"})
    me.refresh_from_db()
    assert (powers.own_permissions(me), me.is_superuser) == (before, False)


@pytest.mark.parametrize("is_active", [True, False], ids=["active", "deactivated"])
@pytest.mark.parametrize("through", ["group", "person", "superuser"])
def test_who_has_more_is_not_touched(manager, bob, through, is_active):
    adjust = permission("adjust_stock")
    match through:
        case "group":
            clerks = Group.objects.create(name="clerks")
            clerks.permissions.add(adjust)
            bob.groups.add(clerks)
        case "person":
            bob.user_permissions.add(adjust)
        case "superuser":
            bob.is_superuser = True
    bob.is_active = is_active
    bob.save()
    assert "cannot change it" in text_of(manager.get(page(bob)))
    for action in ("password", "change", "delete", "take-app", "unlock", "end-sessions"):
        assert manager.post(page(bob, action), {"post": "yes"}).status_code == 403, action


def test_groups_follow_the_same_rule():
    keeper = staff("view_group", "change_group", "delete_group", "view_product", name="keeper")
    weak, strong = Group.objects.create(name="weak"), Group.objects.create(name="strong")
    strong.permissions.add(permission("adjust_stock"))
    address = f"/admin/auth/group/{weak.pk}/change/"
    send(keeper, address, "group_form", permissions=[permission("view_product").pk])
    answer = send(keeper, address, "group_form", permissions=[permission("adjust_stock").pk])
    assert errors_on(answer).keys() == {"permissions"}
    assert [one.codename for one in weak.permissions.all()] == ["view_product"]
    for action in ("change", "delete"):
        address = f"/admin/auth/group/{strong.pk}/{action}/"
        assert keeper.post(address, {"post": "yes", "name": "x"}).status_code == 403


def test_several_are_not_deleted_at_once(admin_client, bob):
    for kind, row in (("user", bob), ("group", Group.objects.create(name="clerks"))):
        marked = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
        admin_client.post(f"/admin/auth/{kind}/", marked)
        assert type(row).objects.filter(pk=row.pk).exists()


def test_who_may_not_view_users_sees_none():
    nobody = staff("view_product", name="nobody")
    assert nobody.get("/admin/auth/user/").status_code == 403
    assert nobody.get("/admin/auth/group/").status_code == 403


# The last one


def without(client: Client, user: User, *boxes: str):
    form = filled_in(client.get(page(user)), "user_form")
    left_out = {*boxes, "groups", "user_permissions"}
    return client.post(page(user), {name: form[name] for name in form if name not in left_out})


@pytest.mark.parametrize("box", ["is_active", "is_superuser", "is_staff"])
def test_the_last_superuser_stays_one(admin_client, admin_user, box):
    answer = without(admin_client, admin_user, box)
    assert "Nobody else may do everything" in " ".join(errors_on(answer)["__all__"])
    admin_user.refresh_from_db()
    assert admin_user.is_superuser
    assert admin_user.is_active


def test_with_another_one_a_superuser_may_go(admin_client, bob):
    bob.is_superuser = True
    bob.save()
    assert without(admin_client, bob, "is_active").status_code == 302
    assert not User.objects.get(username="bob").is_active


def test_nobody_locks_out_themselves(manager):
    me = User.objects.get(username="manager")
    answer = without(manager, me, "is_active")
    assert "lock yourself out" in errors_on(answer)["__all__"][0]


@pytest.mark.django_db(transaction=True)
def test_two_who_deactivate_each_other_do_not_both_succeed():
    people = [person("ada"), person("bob")]

    def deactivate(number: int) -> bool:
        with transaction.atomic():
            user = people[number]
            if powers.is_last_superuser(user):
                return False
            return bool(User.objects.filter(pk=user.pk).update(is_active=False))

    assert sorted(race(deactivate, workers=2)) == [False, True]
    assert User.objects.filter(is_active=True).count() == 1


# Names in the history


def test_who_has_logged_in_is_not_deleted_or_renamed(admin_client, bob):
    bob.last_login = timezone.now()
    bob.save()
    shown = admin_client.get(page(bob))
    assert "is not deleted, because the history names them" in text_of(shown)
    assert "username" not in shown.context["adminform"].form.fields
    assert admin_client.post(page(bob, "delete"), {"post": "yes"}).status_code == 403
    assert User.objects.filter(username="bob").exists()


def test_who_never_was_here_is_deleted(admin_client, bob):
    assert admin_client.post(page(bob, "delete"), {"post": "yes"}).status_code == 302
    assert not User.objects.filter(username="bob").exists()


def test_nobody_deletes_themselves(manager):
    me = User.objects.get(username="manager")
    User.objects.update(last_login=None)
    assert manager.post(page(me, "delete"), {"post": "yes"}).status_code == 403


# Locked out


def lock_out(name: str = "bob") -> None:
    for _n in range(5):
        enter_password(Client(REMOTE_ADDR="192.0.2.9"), name, password="wrong")


def test_an_administrator_sees_who_is_locked_out_and_lets_them_in_again(admin_client):
    bob = person("bob", is_superuser=False)
    lock_out()
    assert "192.0.2.9" in text_of(admin_client.get(page(bob)))
    assert enter_password(Client(REMOTE_ADDR="192.0.2.9"), "bob").status_code == 429
    answer = admin_client.post(page(bob, "unlock"), follow=True)
    assert told(answer) == ["bob: Unlocked the login."]
    assert is_in(log_in("bob", REMOTE_ADDR="192.0.2.9"))
    assert not AccessAttempt.objects.exists()


def test_unlocking_takes_the_permission(bob):
    lock_out()
    reader = staff("view_user", name="reader")
    assert reader.post(page(bob, "unlock")).status_code == 403
    assert AccessAttempt.objects.exists()


@pytest.mark.parametrize("action", ["take-app", "unlock"])
@pytest.mark.parametrize("who", ["manager", "superuser"])
def test_nobody_takes_off_their_own_second_step_without_password_and_code(who, action):
    me = person("me", is_superuser=who == "superuser")
    me.user_permissions.add(*Permission.objects.filter(codename__in=MANAGER))
    browser = log_in("me")
    give_app(me)
    second_step(browser)
    lock_out("me")
    shown = text_of(browser.get(page(me)))
    assert "take-app" not in shown
    assert f"{me.pk}/unlock" not in shown
    assert browser.post(page(me, action)).status_code == 403
    assert TOTPDevice.objects.filter(user=me).exists()
    assert AccessAttempt.objects.exists()


def second_step(browser: Client) -> None:
    entered = enter_code(browser, browser.get("/admin/login/"), code_now())
    assert entered.status_code == 302


def test_only_a_superuser_takes_the_app_of_a_superuser(manager, admin_client):
    boss = person("boss")
    give_app(boss)
    assert manager.post(page(boss, "take-app")).status_code == 403
    assert TOTPDevice.objects.filter(user=boss).exists()
    assert "take-app" in text_of(admin_client.get(page(boss)))
    admin_client.post(page(boss, "take-app"))
    assert not TOTPDevice.objects.filter(user=boss).exists()


# The trail


def test_the_trail_is_one_list_for_who_may_view_it(admin_client, bob):
    save(admin_client, bob, is_superuser="on")
    auditor = staff("view_auditentry", "view_user", name="auditor")
    shown = text_of(auditor.get("/admin/people/auditentry/"))
    assert "is superuser" in shown
    assert staff("view_product", name="other").get("/admin/people/auditentry/").status_code == 403
    entry = AuditEntry.objects.filter(subject_text="bob").latest("id")
    address = f"/admin/people/auditentry/{entry.pk}/change/"
    assert "is superuser" in text_of(auditor.get(address))
    assert admin_client.post(address, {"actor": "x"}).status_code == 403
    assert admin_client.post(f"/admin/people/auditentry/{entry.pk}/delete/").status_code == 403


@pytest.mark.parametrize(
    ("query", "finds"),
    [
        ("?q=bob", True),
        ("?q=carl", False),
        ("?person=admin", True),
        ("?person=bob", False),
        ("?kind=auth.user", True),
        ("?kind=auth.group", False),
        ("?q=bob&kind=auth.user&person=admin", True),
        ("?day={today}", True),
        ("?day=2020-01-01", False),
        ("?day=nonsense", True),
        ("?day=0001-01-01", True),
        ("?day=9999-12-31", True),
    ],
)
def test_the_trail_is_searched_by_person_kind_and_day(admin_client, bob, query, finds):
    save(admin_client, bob, first_name="Bo")
    query = query.format(today=timezone.localdate())
    rows = admin_client.get(f"/admin/people/auditentry/{query}").context["cl"].result_list
    told_of = [row for row in rows if row.subject_text == "bob" and row.actor == "admin"]
    assert bool(told_of) == finds


def test_the_trail_takes_as_many_queries_for_many_changes_as_for_few(
    admin_client, django_assert_max_num_queries, bob
):
    admin_client.get("/admin/people/auditentry/")
    for number in range(12):
        Group.objects.create(name=f"group {number}")
    with django_assert_max_num_queries(5):
        admin_client.get("/admin/people/auditentry/")


def test_a_row_s_history_shows_old_and_new(admin_client, bob):
    save(admin_client, bob, is_superuser="on", first_name="Bo")
    shown = text_of(admin_client.get(page(bob, "history")))
    assert "is superuser: <del>no</del> → <ins>yes</ins>" in shown
    assert "first name: changed" in shown
    assert "back office" in shown
