"""What each of the five groups may do: a table with every permission that there is."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from common.people.groups import give
from tests.back_office import text_of

pytestmark = pytest.mark.django_db

make_groups = import_module("inventory.migrations.0015_groups").make_groups

GROUPS = {
    "C": "Catalogue editor",
    "W": "Warehouse clerk",
    "P": "Purchasing",
    "A": "Auditor",
    "X": "Administrator",
}
NOBODY = (
    "access.apikeysecret",
    "admin.logentry",
    "auth.permission",
    "axes.accessattempt",
    "axes.accessattemptexpiration",
    "axes.accessfailurelog",
    "axes.accesslog",
    "catalogue.document",
    "catalogue.place",
    "catalogue.shelf",
    "contenttypes.contenttype",
    "events.reader",
    "events.sequencer",
    "idempotency.idempotencyrecord",
    "importing.importcontent",
    "importing.importrow",
    "notifications.mail",
    "notifications.notification",
    "notifications.recipient",
    "notifications.subscription",
    "otp_static.staticdevice",
    "otp_static.statictoken",
    "otp_totp.totpdevice",
    "saved_views.savedview",
    "sessions.session",
)
"""Tables that no group has to do with: no page and no address asks for their permissions."""
MATRIX = {
    "access.add_apikey": "X",
    "access.change_apikey": "X",
    "access.delete_apikey": "",
    "access.view_apikey": "AX",
    "auth.add_group": "X",
    "auth.change_group": "X",
    "auth.delete_group": "X",
    "auth.view_group": "AX",
    "auth.add_user": "X",
    "auth.change_user": "X",
    "auth.delete_user": "X",
    "auth.view_user": "AX",
    "events.add_event": "",
    "events.change_event": "",
    "events.delete_event": "",
    "events.view_event": "AX",
    "importing.add_import": "CWPX",
    "importing.change_import": "",
    "importing.delete_import": "",
    "importing.undo_import": "CWPX",
    "importing.view_import": "CWPAX",
    "inbox.add_inboxmessage": "",
    "inbox.change_inboxmessage": "",
    "inbox.delete_inboxmessage": "",
    "inbox.view_inboxmessage": "AX",
    "inventory.add_allocation": "",
    "inventory.change_allocation": "",
    "inventory.delete_allocation": "",
    "inventory.view_allocation": "AX",
    "inventory.add_batch": "PX",
    "inventory.change_batch": "PX",
    "inventory.delete_batch": "",
    "inventory.receive_batch": "WX",
    "inventory.view_batch": "WPAX",
    "inventory.add_countline": "",
    "inventory.change_countline": "WX",
    "inventory.delete_countline": "",
    "inventory.view_countline": "WAX",
    "inventory.add_countsheet": "WX",
    "inventory.apply_countsheet": "WX",
    "inventory.change_countsheet": "WX",
    "inventory.delete_countsheet": "X",
    "inventory.view_countsheet": "WAX",
    "inventory.add_location": "X",
    "inventory.change_location": "X",
    "inventory.delete_location": "X",
    "inventory.view_location": "CWPAX",
    "inventory.add_reservation": "",
    "inventory.change_reservation": "WX",
    "inventory.delete_reservation": "",
    "inventory.extend_reservation": "WX",
    "inventory.release_reservation": "WX",
    "inventory.view_reservation": "WPAX",
    "inventory.add_reservationline": "",
    "inventory.change_reservationline": "",
    "inventory.delete_reservationline": "",
    "inventory.view_reservationline": "AX",
    "inventory.add_stockday": "",
    "inventory.change_stockday": "",
    "inventory.delete_stockday": "",
    "inventory.view_stockday": "WPAX",
    "inventory.add_stocklevel": "WX",
    "inventory.adjust_stock": "WX",
    "inventory.receive_stock": "WX",
    "inventory.change_stocklevel": "PX",
    "inventory.count_stock": "WX",
    "inventory.delete_stocklevel": "",
    "inventory.reverse_movement": "WX",
    "inventory.transfer_stock": "WX",
    "inventory.view_stocklevel": "CWPAX",
    "inventory.add_stockmovement": "",
    "inventory.change_stockmovement": "",
    "inventory.delete_stockmovement": "",
    "inventory.view_stockmovement": "WPAX",
    "inventory.add_transfer": "",
    "inventory.change_transfer": "",
    "inventory.delete_transfer": "",
    "inventory.view_transfer": "WPAX",
    "people.view_auditentry": "AX",
    "people.delete_staffsession": "X",
    "people.view_staffsession": "X",
    "products.add_category": "CX",
    "products.change_category": "CX",
    "products.delete_category": "CX",
    "products.view_category": "CWPAX",
    "products.add_product": "CX",
    "products.change_product": "CX",
    "products.delete_product": "CX",
    "products.view_product": "CWPAX",
    "webhooks.add_webhookdelivery": "",
    "webhooks.change_webhookdelivery": "",
    "webhooks.delete_webhookdelivery": "",
    "webhooks.view_webhookdelivery": "AX",
    "webhooks.add_webhookendpoint": "X",
    "webhooks.change_webhookendpoint": "X",
    "webhooks.delete_webhookendpoint": "X",
    "webhooks.view_webhookendpoint": "AX",
}
"""Each permission, and the groups that have it. Nobody who only views changes anything."""


@pytest.fixture(autouse=True)
def groups():
    """As the migration makes them, also after a test that has emptied all tables."""
    make_groups(apps, None)


def by_name() -> dict[str, set[str]]:
    """The letters of the groups that have each permission."""
    rows = Permission.objects.values_list("content_type__app_label", "codename", "pk")
    names = {pk: f"{label}.{codename}" for label, codename, pk in rows}
    found: dict[str, set[str]] = {name: set() for name in names.values()}
    for letter, group in GROUPS.items():
        for pk in Group.objects.get(name=group).permissions.values_list("pk", flat=True):
            found[names[pk]].add(letter)
    return found


def test_every_permission_is_decided_and_given_as_the_table_says():
    rows = Permission.objects.select_related("content_type")
    decided = set(MATRIX) | {
        f"{row.content_type.app_label}.{row.codename}"
        for row in rows
        if f"{row.content_type.app_label}.{row.content_type.model}" in NOBODY
    }
    found = by_name()
    undecided, gone = sorted(found.keys() - decided), sorted(MATRIX.keys() - found.keys())
    assert undecided == [], "decide who may do this: a group, or nobody"
    assert gone == [], "there is no such permission any more"
    given = {name: letters for name, letters in found.items() if letters}
    assert given == {name: set(letters) for name, letters in MATRIX.items() if letters}


def test_there_are_these_five_groups():
    assert set(Group.objects.values_list("name", flat=True)) >= set(GROUPS.values())


def test_the_auditor_only_reads():
    codes = Group.objects.get(name="Auditor").permissions.values_list("codename", flat=True)
    assert {code.partition("_")[0] for code in codes} == {"view"}


def test_the_administrator_has_what_all_the_others_have():
    found = by_name()
    assert all("X" in letters for letters in found.values() if letters)


def test_what_a_group_was_given_later_it_keeps_and_nothing_is_given_twice():
    editors = Group.objects.get(name="Catalogue editor")
    editors.permissions.add(Permission.objects.get(codename="view_apikey"))
    before = set(editors.permissions.all())
    make_groups(apps, None)
    assert set(editors.permissions.all()) == before
    assert Group.objects.filter(name="Catalogue editor").count() == 1


def test_permissions_that_are_not_there_yet_are_made_first():
    Permission.objects.all().delete()
    make_groups(apps, None)
    assert by_name()["inventory.adjust_stock"] == {"W", "X"}
    assert by_name()["products.add_product"] == {"C", "X"}


def test_a_permission_that_does_not_exist_is_no_slip_of_the_pen():
    with pytest.raises(LookupError, match=r"products\.paint_product"):
        give(apps, {"Painters": ["products.paint_product"]})


@pytest.mark.parametrize(
    ("group", "sees", "sees_not"),
    [
        ("Catalogue editor", ["products/product", "products/category"], ["inventory/batch"]),
        ("Warehouse clerk", ["inventory/stocklevel", "inventory/batch"], ["access/apikey"]),
        ("Purchasing", ["inventory/batch", "products/product"], ["auth/user"]),
        ("Auditor", ["people/auditentry", "access/apikey", "auth/user"], []),
        ("Administrator", ["auth/user", "auth/group", "webhooks/webhookendpoint"], []),
    ],
)
def test_each_group_finds_its_pages(group, sees, sees_not):
    user = User.objects.create_user("ada", is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    browser = Client()
    browser.force_login(user)
    text_of(browser.get("/admin/"))
    for page in sees:
        text_of(browser.get(f"/admin/{page}/"))
    for page in sees_not:
        assert browser.get(f"/admin/{page}/").status_code == 403
