"""Who changed what, old and new, whichever door it came through."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice

from common.access import operations as keys
from common.observability.context import acting_as
from common.people.models import AuditEntry
from common.webhooks import operations as webhooks
from inventory.operations import change_location, set_reorder_settings
from products import operations as products
from tests.back_office import page_of, send, staff
from tests.factories import CategoryFactory, LocationFactory, ProductFactory, StockLevelFactory

pytestmark = pytest.mark.django_db


def entries(subject_type: str = "") -> list[AuditEntry]:
    """What was written since the test began, without what its factories made."""
    rows = AuditEntry.objects.filter(actor="ada").order_by("id")
    return list(rows.filter(subject_type=subject_type) if subject_type else rows)


def told(entry: AuditEntry) -> dict[str, tuple]:
    return {one["field"]: (one.get("old"), one.get("new")) for one in entry.changes}


@pytest.fixture
def ada():
    with acting_as("ada", "request-1"):
        yield


def test_a_product_s_change_is_told_old_and_new(ada):
    mug, cups = ProductFactory(sku="MUG", price=Decimal(3)), CategoryFactory(name="Cups")
    changes = {"price": Decimal(4), "category_id": cups.pk, "name": "Big mug"}
    products.change_product(product_id=mug.pk, changes=changes)
    entry = entries("products.product")[-1]
    assert told(entry) == {
        "category": (None, "Cups"),
        "name": (mug.name, "Big mug"),
        "price": (3.0, 4.0),
    }
    assert (entry.subject_text, entry.subject_id) == ("MUG", str(mug.pk))
    assert (entry.actor, entry.request_id, entry.door) == ("ada", "request-1", "command or job")


def test_a_product_that_is_added_and_deleted_is_told_in_one_line_each(ada):
    mug = products.create_product(name="Mug", description="For tea.", price=Decimal(3))
    products.delete_product(product_id=mug.pk)
    assert [entry.action for entry in entries("products.product")] == ["added", "deleted"]


def test_what_stays_the_same_is_no_change(ada):
    mug = ProductFactory()
    before = len(entries())
    products.change_product(product_id=mug.pk, changes={"name": mug.name})
    StockLevelFactory(product=mug, on_hand=5)
    assert {entry.action for entry in entries()[before:]} <= {"added"}


def test_settings_of_levels_locations_and_categories_are_told(ada):
    level = StockLevelFactory(product__sku="MUG", reorder_point=None)
    set_reorder_settings(stock_level_id=level.pk, changes={"reorder_point": 5})
    (entry,) = entries("inventory.stocklevel")
    assert told(entry) == {"reorder_point": (None, 5)}
    assert entry.subject_text == f"MUG @ {level.location.name}"

    shop = LocationFactory(name="Shop", is_active=True)
    change_location(location_id=shop.pk, changes={"name": "Store", "is_active": False})
    entry = entries("inventory.location")[-1]
    assert told(entry) == {"name": ("Shop", "Store"), "is_active": (True, False)}

    cups = CategoryFactory(name="Cups")
    products.change_category(
        category_id=cups.pk, changes={"parent_id": CategoryFactory(name="A").pk}
    )
    assert told(entries("products.category")[-1]) == {"parent": (None, "A")}
    products.delete_category(category_id=cups.pk)
    gone = entries("products.category")[-1]
    assert gone.action == "deleted"
    assert told(gone)["name"] == ("Cups", None)


def test_keys_and_endpoints_are_told_without_their_secrets(ada, settings):
    key, secret = keys.create_key(name="shop", scopes=["products:read"], created_by="ada")
    keys.change_key(key_id=key.pk, scopes=["events:read"], quota=7, expires_at=None)
    keys.revoke_key(name="shop")
    added, issued, changed, revoked = entries("access.apikey")
    assert told(issued) == {"secret": (None, None)}
    assert told(changed) == {
        "quota_per_minute": (None, 7),
        "scopes": (["products:read"], ["events:read"]),
    }
    assert set(told(revoked)) == {"revoked_at"}
    assert added.action == "added"
    hook = webhooks.create_endpoint(url="https://example.com/very/secret", created_by="ada")
    webhooks.rotate_secret(endpoint_id=hook.pk)
    webhooks.change_endpoint(endpoint_id=hook.pk, changes={"url": "https://example.org/other"})
    _added, rotated, moved = entries("webhooks.webhookendpoint")
    assert told(rotated) == {"secret": (None, None)}
    assert told(moved) == {"url": ("example.com", "example.org")}
    webhooks.delete_endpoint(endpoint_id=hook.pk)
    assert entries()[-1].action == "deleted"
    trail = str([(entry.changes, entry.subject_text) for entry in AuditEntry.objects.all()])
    hook.refresh_from_db()
    for hidden in (secret, hook.secret, hook.previous_secret, "very/secret"):
        assert hidden not in trail


def test_users_and_groups_are_told_without_passwords_and_personal_data(ada):
    bob = User.objects.create_user("bob", "bob@example.com", "a password", first_name="Robert")
    clerks = Group.objects.create(name="clerks")
    bob.groups.add(clerks)
    clerks.permissions.add(*Permission.objects.filter(codename__in=["add_product", "view_product"]))
    clerks.permissions.clear()
    bob.is_staff = True
    bob.set_password("another")
    bob.save()
    device = TOTPDevice.objects.create(user=bob, name="app", confirmed=False)
    device.confirmed = True
    device.save()
    joined, renewed, two_step = entries("auth.user")[1:]
    assert told(joined) == {"groups": (None, "clerks")}
    assert told(renewed) == {"is_staff": (False, True), "password": (None, None)}
    assert told(two_step) == {"authenticator_app": (False, True)}
    _added, given, lost = entries("auth.group")
    assert [one["new"] for one in given.changes] == [
        "products.add_product",
        "products.view_product",
    ]
    assert [one["old"] for one in lost.changes] == ["products.add_product", "products.view_product"]
    trail = str(list(AuditEntry.objects.values()))
    for hidden in ("bob@example.com", "Robert", bob.password, device.key):
        assert hidden not in trail


def test_a_login_is_no_change_of_the_user(ada):
    bob = User.objects.create_user("bob")
    before = len(entries())
    bob.last_login = timezone.now() + timedelta(minutes=1)
    bob.save()
    assert len(entries()) == before


def test_in_the_back_office_and_in_the_api_the_door_is_told(client):
    mug = ProductFactory()
    browser = staff("change_product", "view_product", name="ada")
    send(browser, page_of(mug), "product_form", name="By hand")
    (by_hand,) = entries("products.product")
    assert (by_hand.door, told(by_hand)["name"][1]) == ("back office", "By hand")
    body = {"data": {"type": "products", "id": str(mug.pk), "attributes": {"name": "By a program"}}}
    answer = client.patch(f"/api/v1/products/{mug.pk}", body)
    assert answer.status_code == 200, answer.content
    by_program = AuditEntry.objects.filter(subject_type="products.product").latest("id")
    assert (by_program.actor, by_program.door) == ("tester", "API")
    assert by_program.request_id == answer["X-Request-ID"]


def test_what_nobody_known_has_changed_is_the_database_role_s(ada):
    mug = ProductFactory()
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('stockroom.actor', '', true), session_user")
        role = cursor.fetchone()[1]
        cursor.execute("UPDATE products_product SET name = 'By hand' WHERE id = %s", [mug.pk])
    entry = AuditEntry.objects.latest("id")
    assert (entry.actor, entry.door, entry.request_id) == (role, "database", "")


@pytest.mark.django_db(transaction=True)
def test_a_statement_outside_of_a_transaction_has_its_actor_too():
    with acting_as("ada"):
        Group.objects.filter(pk=Group.objects.create(name="clerks").pk).update(name="packers")
    assert [entry.action for entry in entries("auth.group")] == ["added", "changed"]


@pytest.mark.parametrize("write", ["update", "delete"])
def test_what_is_written_stays(ada, write):
    ProductFactory()
    rows = AuditEntry.objects.filter(actor="ada")
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        rows.update(actor="bob") if write == "update" else rows.delete()


def test_a_change_that_is_rolled_back_was_never_made(ada):
    before = AuditEntry.objects.count()
    with transaction.atomic():
        ProductFactory()
        transaction.set_rollback(True)
    assert AuditEntry.objects.count() == before
