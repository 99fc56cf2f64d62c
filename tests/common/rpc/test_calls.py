"""The way of a call: who may make it, how often, and what is told of it."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING

import grpc
import pytest
from django.db import OperationalError, connection

from common.access.operations import revoke_key
from common.access.scopes import ALL_SCOPES, Scope
from common.access.verification import forget_findings
from common.ids import new_id
from common.rpc import calls, deadlines, server
from common.rpc.errors import OutOfTime
from products.rpc import reading
from products.rpc.servicers import Products
from tests.calling import PACKAGES, Rpc
from tests.factories import StockLevelFactory
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db

ASKED = ("products.v1", "ListProducts")


@pytest.fixture
def without_key(rpc):
    return Rpc(rpc.channel, None)


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"x-api-key": ""},
        {"x-api-key": "short"},
        {"x-api-key": "sk_live_12345678_" + "0" * 38},
        {"x-api-key": "x" * 300},
        {"authorization": "Bearer sk_live_12345678"},
    ],
)
def test_without_a_good_key_there_is_one_answer(without_key, metadata):
    refused = without_key.refused(*ASKED, metadata)
    assert (refused.code, refused.reasons) == ("UNAUTHENTICATED", ["not_authenticated"])


def test_clients_of_the_former_service_may_count_as_one(without_key, api_client, settings):
    """Which has scopes and a quota like any other, and may be revoked."""
    former = api_client(Scope.PRODUCTS_READ, quota=1)
    settings.RPC_FORMER_KEYS = {"products.ProductsService": former.key}
    assert without_key("products", "ListProducts").page == 1
    assert without_key.refused("products", "ListProducts").code == "RESOURCE_EXHAUSTED"
    assert without_key.refused("products.v1", "ListProducts").code == "UNAUTHENTICATED"
    assert without_key.refused("inventory.v1", "Adjust").code == "UNAUTHENTICATED"
    wrong = {"x-api-key": "wrong-key-and-no-other"}
    assert without_key.refused("products", "ListProducts", wrong).code == "UNAUTHENTICATED"


def test_two_keys_are_none(rpc):
    pair = (("x-api-key", rpc.key), ("x-api-key", rpc.key))
    with pytest.raises(grpc.RpcError) as raised:
        rpc.channel.unary_unary("/products.v1.ProductsService/ListProducts")(b"", metadata=pair)
    assert raised.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_a_revoked_key_is_none(rpc):
    rpc(*ASKED)
    revoke_key(name="caller")
    forget_findings()
    assert rpc.refused(*ASKED).code == "UNAUTHENTICATED"


NEEDED = {
    "products": dict.fromkeys(("GetProduct", "ProductExists", "ListProducts"), "products:read"),
    "products.v1": dict.fromkeys(("GetProduct", "ProductExists", "ListProducts"), "products:read"),
    "inventory.v1": {
        "Availability": "inventory:read",
        "Reserve": "reservations:write",
        "Confirm": "reservations:write",
        "Release": "reservations:write",
        "Adjust": "inventory:write",
    },
}


@pytest.mark.parametrize(
    ("package", "method", "scope"),
    [(package, *one) for package, methods in NEEDED.items() for one in methods.items()],
)
def test_each_method_needs_its_scope(rpc, api_client, package, method, scope):
    others = Rpc(rpc.channel, api_client(*ALL_SCOPES - {scope}).key)
    refused = others.refused(package, method)
    assert (refused.code, refused.reasons) == ("PERMISSION_DENIED", ["permission_denied"])
    assert scope in refused.message
    alone = Rpc(rpc.channel, api_client(scope).key)
    service = PACKAGES[package][1]
    call = alone.channel.unary_unary(f"/{package}.{service}/{method}").future(
        b"", metadata=(("x-api-key", alone.key),), timeout=10
    )
    assert call.code().name in {"OK", "INVALID_ARGUMENT"}  # got past the check


def test_there_are_no_other_methods(rpc):
    there = {
        package: {
            method.name
            for method in import_module(f"{module}_pb2")
            .DESCRIPTOR.services_by_name[service]
            .methods
        }
        for package, (module, service) in PACKAGES.items()
    }
    assert there == {package: set(methods) for package, methods in NEEDED.items()}


def test_a_method_that_nobody_marked_cannot_be_called(rpc, monkeypatch):
    monkeypatch.delattr(Products.ListProducts, "scope")
    with pytest.raises(grpc.RpcError) as raised:
        rpc(*ASKED)
    assert raised.value.code() is grpc.StatusCode.UNKNOWN


def test_what_is_not_there_is_unimplemented(rpc):
    for path in ("/products.v1.ProductsService/DropProducts", "/no.Such/Method", "/", "/x"):
        with pytest.raises(grpc.RpcError) as raised:
            rpc.channel.unary_unary(path)(b"")
        assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_the_quota_is_that_of_the_key(rpc, api_client):
    limited = Rpc(rpc.channel, api_client(Scope.PRODUCTS_READ, quota=2).key)
    limited(*ASKED)
    assert limited.trailing["ratelimit-policy"] == '"default";q=2;w=60'
    assert limited.trailing["ratelimit"].startswith('"default";r=1;t=')
    limited(*ASKED)
    refused = limited.refused(*ASKED)
    assert (refused.code, refused.reasons) == ("RESOURCE_EXHAUSTED", ["throttled"])
    assert 1 <= refused.details["RetryInfo"][0].retry_delay.seconds <= 60
    assert refused.trailing["ratelimit"].startswith('"default";r=0;t=')


def test_a_message_is_read_after_the_key_only(without_key):
    with pytest.raises(grpc.RpcError) as raised:
        without_key.send("products", "GetProduct", b"\xff")
    assert raised.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_a_message_that_is_too_large_is_refused(rpc):
    with pytest.raises(grpc.RpcError) as raised:
        rpc.send("products", "GetProduct", b"\x0a" * (server.MESSAGE_BYTES + 1))
    assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


# Time


def test_what_nobody_waits_for_any_more_is_not_begun(rpc, monkeypatch):
    """The only thread is busy until the caller has gone; then its call is next."""
    begun: list[int] = []
    is_begun, goes_on = threading.Event(), threading.Event()

    def slow(_number: int, size: int) -> object:
        begun.append(size)
        is_begun.set()
        goes_on.wait(10)
        return [], 0

    monkeypatch.setattr(reading, "page", slow)
    service = rpc.channel.unary_unary("/products.v1.ProductsService/ListProducts")
    first = service.future(b"\x10\x01", metadata=(("x-api-key", rpc.key),))
    assert is_begun.wait(10)
    with pytest.raises(grpc.RpcError) as raised:
        rpc.send(*ASKED, b"\x10\x02", timeout=0.1)
    assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    goes_on.set()
    first.result(10)
    rpc(*ASKED, size=3)  # behind it
    assert begun == [1, 3]


@pytest.mark.parametrize(("is_active", "left"), [(True, 0.0), (False, 5.0)])
def test_without_time_there_is_no_work(is_active, left):
    context = SimpleNamespace(is_active=lambda: is_active, time_remaining=lambda: left)
    with pytest.raises(OutOfTime):
        deadlines.check(context)
    with pytest.raises(OutOfTime):
        deadlines.within(0.0, lambda: pytest.fail("begun"))


def test_no_time_is_a_deadline_that_has_passed(rpc, monkeypatch):
    monkeypatch.setattr("common.rpc.calls.deadlines.check", _out_of_time)
    assert rpc.refused(*ASKED).code == "DEADLINE_EXCEEDED"


def _out_of_time(_context: object) -> None:
    raise OutOfTime


# What a write leaves behind, and what a thread keeps


@pytest.mark.parametrize(
    ("delta", "code", "noted"), [(1, "OK", ["caller"]), (-9, "FAILED_PRECONDITION", ["caller"])]
)
def test_lists_on_a_replica_will_not_lack_what_was_written(rpc, monkeypatch, delta, code, noted):
    told: list[str] = []
    monkeypatch.setattr(calls, "note_write", lambda client: told.append(client.name))
    level = StockLevelFactory(on_hand=5)
    with calls_end_with(code):
        rpc("inventory.v1", "Adjust", product_id=str(level.product_id), quantity_delta=delta)
    rpc(*ASKED)  # which writes nothing
    assert told == noted


def test_after_an_error_nobody_knows_what_was_written(rpc, monkeypatch):
    forgotten: list[bool] = []
    monkeypatch.setattr(calls, "is_configured", lambda: True)
    monkeypatch.setattr(calls.positions, "forget", lambda: forgotten.append(True))
    monkeypatch.setattr("inventory.operations.adjust_stock", _unreachable)
    with calls_end_with("UNAVAILABLE"):
        rpc("inventory.v1", "Adjust", product_id=str(new_id()), quantity_delta=1)
    assert forgotten == [True]


def _unreachable(**_given: object) -> None:
    raise OperationalError("away")


@contextmanager
def calls_end_with(code: str) -> Iterator[None]:
    try:
        yield
    except grpc.RpcError as error:
        ended = error.code().name
    else:
        ended = "OK"
    assert ended == code


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_postgresql_has_ended_is_replaced(rpc_committed):
    for _ in range(4):  # every thread has one by then, or none
        rpc_committed(*ASKED)
    assert others("count(pg_terminate_backend(pid))") >= 1
    wait_until(lambda: others("count(*)") == 0)
    for _ in range(8):
        assert rpc_committed(*ASKED).total == 0


def others(figure: str) -> int:
    """A figure of the other sessions in this database."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {figure} FROM pg_stat_activity"  # noqa: S608 - ours
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        (number,) = cursor.fetchone()
    return int(number)
