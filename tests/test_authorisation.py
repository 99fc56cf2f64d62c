"""Who may do what: every operation of the API against every scope (OWASP API1, API5)."""

from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client

from common.access.scopes import ALL_SCOPES
from tests.api_client import ApiClient
from tests.openapi import operations

CATALOGUE = {"products", "categories"}
STOCK = {"inventory", "locations", "stock-levels", "stock-movements", "transfers", "batches"}
PROMISES = {"reservations", "availability"}
WEBHOOKS = {"webhook-endpoints", "webhook-deliveries"}
LEADS_TO = {
    "category": "products:read",
    "parent": "products:read",
    "product": "products:read",
    "inventory": "inventory:read",
    "location": "inventory:read",
    "from_location": "inventory:read",
    "to_location": "inventory:read",
    "movements": "inventory:read",
    "stock_level": "inventory:read",
    "stock_levels": "inventory:read",
    "endpoint": "webhooks:read",
    "explain": "inventory:read",
}
"""What is needed besides, to be led from one resource to another."""

API = [
    one
    for name, one in operations().items()
    if one.path.startswith("/api/v1/") and name != "carryOutOperations"
]
"""All but one, which needs what its operations need (tests/common/api/test_atomic_labels.py)."""


def needed(method: str, path: str) -> set[str]:
    """The scopes for an operation, worked out from its address alone."""
    collection, *rest = path.removeprefix("/api/v1/").removeprefix("exports/").split("/")
    area = "products" if collection in CATALOGUE else "inventory"
    area = "webhooks" if collection in WEBHOOKS else area
    assert collection in CATALOGUE | STOCK | PROMISES | WEBHOOKS | {"events", "catalogue"}
    scopes = {f"{area}:{'read' if method == 'get' else 'write'}"}
    if collection == "events":
        scopes = {"events:read"}
    if collection == "catalogue":  # products with their stock
        scopes = {"products:read", "inventory:read"}
    if collection == "availability":  # asked with a body, and nothing is written
        scopes = {"inventory:read"}
    if collection == "reservations" and method != "get" and rest[1:] != ["ship"]:
        scopes = {"reservations:write"}
    if len(rest) == 2 and method == "get":  # /{id}/{relationship}
        scopes.add(LEADS_TO[rest[1]])
    return scopes


def status(client: Client, method: str, path: str) -> int:
    return getattr(client, method)(path.replace("{id}", str(uuid4()))).status_code


@pytest.fixture
def holding(api_client):
    """A client with exactly these scopes; each is made once."""
    made = {}

    def client(scopes):
        held = frozenset(scopes)
        if held not in made:
            made[held] = api_client(*held)
        return made[held]

    return client


def test_every_operation_needs_its_scopes_and_no_others(holding):
    wrong = []
    for path, method, _ in API:
        scopes = needed(method, path)
        if status(holding(scopes), method, path) in {401, 403}:
            wrong.append(f"{method} {path} is refused with {scopes}")
        wrong += [
            f"{method} {path} is possible without {scope}"
            for scope in scopes
            if status(holding(ALL_SCOPES - {scope}), method, path) != 403
        ]
    assert wrong == []


def test_a_wrong_key_opens_nothing(db):
    nobody = ApiClient("unknown-but-well-formed")
    assert {status(nobody, method, path) for path, method, _ in API} == {401}


@pytest.mark.slow
def test_staff_without_permissions_can_do_nothing(db):
    browser = Client()
    browser.force_login(User.objects.create_user("ada", is_staff=True))
    assert {status(browser, method, path) for path, method, _ in API} == {403}
