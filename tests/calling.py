"""A gRPC server in this process, on a port of its own, and a client of it.

    def test_of_a_call(rpc, product):
        answer = rpc("products.v1", "GetProduct", product_id=str(product.pk))

The server's threads work in the test's own transaction, one at a time. ``rpc_committed`` has a
server as it is in life, with connections of its own; it needs ``django_db(transaction=True)``.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, connections

from common.access.scopes import ALL_SCOPES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.api_client import ApiClient

PACKAGES = {
    "products": ("products.rpc.proto.products", "ProductsService"),
    "products.v1": ("products.rpc.proto.products_v1", "ProductsService"),
    "inventory.v1": ("inventory.rpc.proto.inventory_v1", "InventoryService"),
}
PATIENCE = 20.0


@dataclass
class Rpc:
    """Calls methods by package and name; raises grpc.RpcError for any status but OK."""

    channel: Any
    key: str | None
    server: Any = None
    trailing: dict[str, Any] = field(default_factory=dict)
    """What came with the last answer."""

    def __call__(
        self,
        package: str,
        method: str,
        metadata: Mapping[str, str] | None = None,
        timeout: float = PATIENCE,
        **fields: Any,
    ) -> Any:
        messages = import_module(f"{PACKAGES[package][0]}_pb2")
        request = getattr(messages, f"{method}Request")(**fields)
        return self.send(package, method, request, metadata, timeout)

    def send(
        self,
        package: str,
        method: str,
        request: Any,
        metadata: Mapping[str, str] | None = None,
        timeout: float = PATIENCE,
    ) -> Any:
        """The same with a message that is there; bytes go as they are."""
        module, service = PACKAGES[package]
        stub = getattr(import_module(f"{module}_pb2_grpc"), f"{service}Stub")(self.channel)
        act = getattr(stub, method)
        if isinstance(request, bytes):
            act = self.channel.unary_unary(f"/{package}.{service}/{method}")
        own = {} if self.key is None else {"x-api-key": self.key}
        pairs = tuple((own | dict(metadata or {})).items())
        answer, call = act.with_call(request, metadata=pairs, timeout=timeout)
        self.trailing = dict(call.trailing_metadata())
        return answer

    def refused(self, *what: Any, **fields: Any) -> Refused:
        """The failure of a call that must not succeed."""
        import grpc

        with pytest.raises(grpc.RpcError) as raised:
            self(*what, **fields)
        return refusal_of(raised.value)


@dataclass(frozen=True)
class Refused:
    """A failed call: its status, and what the details say."""

    code: str
    message: str
    details: Mapping[str, list[Any]]
    trailing: Mapping[str, Any]

    @property
    def reasons(self) -> list[str]:
        return [info.reason for info in self.details["ErrorInfo"]]


def refusal_of(error: Any) -> Refused:
    from google.rpc import error_details_pb2
    from google.rpc.status_pb2 import Status

    trailing = dict(error.trailing_metadata())
    details: dict[str, list[Any]] = {"ErrorInfo": []}
    for packed in Status.FromString(trailing.get("grpc-status-details-bin", b"")).details:
        name = packed.type_url.rpartition(".")[2]
        message = getattr(error_details_pb2, name)()
        packed.Unpack(message)
        details.setdefault(name, []).append(message)
    return Refused(error.code().name, error.details(), details, trailing)


@contextmanager
def serving(key: str | None, *, threads: int = 1) -> Iterator[Rpc]:
    """A server on a free port, and a client of it with this key."""
    import grpc

    from common.rpc.server import Server

    server = Server("127.0.0.1:0", threads=threads)
    server.start()
    channel = grpc.insecure_channel(f"127.0.0.1:{server.port}")
    try:
        yield Rpc(channel, key, server)
    finally:
        channel.close()
        server.stop(grace=5.0)


@pytest.fixture
def rpc(api_client: Callable[..., ApiClient], monkeypatch: pytest.MonkeyPatch) -> Iterator[Rpc]:
    """A client that may do everything, of a server that works in the test's transaction."""
    from common.rpc import calls, server

    def pool(threads: int, name: str) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(threads, name, initializer=share)

    def share() -> None:
        connections["default"] = own

    own = connections["default"]
    monkeypatch.setattr(server, "ThreadPoolExecutor", pool)
    monkeypatch.setattr(calls, "close_old_connections", lambda: None)  # as Django's client does
    monkeypatch.setattr(server.Server, "_close_connections", lambda _server: None)
    connection.inc_thread_sharing()
    try:
        with serving(api_client(*ALL_SCOPES, name="caller").key) as client:
            yield client
    finally:
        connection.dec_thread_sharing()


@pytest.fixture
def rpc_committed(api_client: Callable[..., ApiClient]) -> Iterator[Rpc]:
    """A client that may do everything, of a server with four threads."""
    with serving(api_client(*ALL_SCOPES, name="caller").key, threads=4) as client:
        yield client
