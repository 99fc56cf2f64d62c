"""The server: how it is watched, looked into, bounded, stopped and proves itself."""

from __future__ import annotations

import subprocess
import threading
from contextlib import closing
from pathlib import Path

import grpc
import pytest
from django.core.management import CommandError, call_command
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from common.observability.probes import HEALTHY, Finding
from common.rpc import server
from common.rpc.server import AddressTaken, Certificate, Server
from products.rpc import reading
from tests.calling import Rpc, refusal_of, serving
from tests.needs import program
from tests.waiting import wait_until

ASKED = ("products.v1", "ListProducts")
OURS = {"products.ProductsService", "products.v1.ProductsService", "inventory.v1.InventoryService"}
SERVING, NOT_SERVING = (
    health_pb2.HealthCheckResponse.SERVING,
    health_pb2.HealthCheckResponse.NOT_SERVING,
)


def health_of(rpc, service=""):
    stub = health_pb2_grpc.HealthStub(rpc.channel)
    return stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=10).status


@pytest.fixture
def held(rpc, monkeypatch):
    """A call that is under way until ``goes_on`` is set."""
    is_begun, goes_on = threading.Event(), threading.Event()

    def slow(_number, _size):
        is_begun.set()
        goes_on.wait(30)
        return [], 7

    monkeypatch.setattr(reading, "page", slow)
    yield begun(rpc), is_begun, goes_on
    goes_on.set()


def begun(rpc):
    service = rpc.channel.unary_unary("/products.v1.ProductsService/ListProducts")
    return service.future(b"", metadata=(("x-api-key", rpc.key),), timeout=20)


@pytest.mark.django_db
def test_health_is_told_without_a_key_of_all_and_of_each(rpc):
    assert {health_of(rpc, name) for name in ("", *OURS)} == {SERVING}
    with pytest.raises(grpc.RpcError) as raised:
        health_of(rpc, "no.such.Service")
    assert raised.value.code() is grpc.StatusCode.NOT_FOUND


@pytest.mark.django_db
def test_health_is_told_while_all_threads_are_busy(rpc, held):
    assert held[1].wait(10)
    assert health_of(rpc) == SERVING


@pytest.mark.django_db
def test_who_watches_is_told_when_the_database_goes_and_comes(rpc):
    stub = health_pb2_grpc.HealthStub(rpc.channel)
    watched = stub.Watch(health_pb2.HealthCheckRequest(), timeout=20)
    assert next(watched).status == SERVING
    rpc.server.tell_health(is_well=False)
    assert next(watched).status == NOT_SERVING
    assert health_of(rpc, "products.ProductsService") == NOT_SERVING
    rpc.server.tell_health(is_well=True)
    assert next(watched).status == SERVING
    watched.cancel()


def test_health_follows_the_database(monkeypatch):
    findings = [Finding(HEALTHY, "Answers."), Finding("unhealthy", "Is away.")]

    def ask_database():
        return findings[0]

    monkeypatch.setattr(server, "ask_database", ask_database)
    monkeypatch.setattr(server, "LOOK_EVERY", 0.01)
    own, stop = Server("127.0.0.1:0", threads=1), threading.Event()
    running = threading.Thread(target=server.run, args=[own, stop])
    running.start()
    with grpc.insecure_channel(f"127.0.0.1:{own.port}") as channel:
        rpc = Rpc(channel, None)
        grpc.channel_ready_future(channel).result(10)
        wait_until(lambda: health_of(rpc) == SERVING)
        findings.reverse()
        wait_until(lambda: health_of(rpc) == NOT_SERVING)
        assert health_of(rpc, server.LIVENESS) == SERVING
        findings.reverse()
        wait_until(lambda: health_of(rpc) == SERVING)
    stop.set()
    running.join(10)
    assert not running.is_alive()


def test_there_is_no_server_without_a_port(settings):
    settings.GRPC_ADDRESS = "127.0.0.1:0"
    with pytest.raises(CommandError, match="GRPC_PORT is 0"):
        call_command("grpcserver")


@pytest.mark.django_db
def test_reflection_names_the_services_and_their_messages(rpc):
    stub = reflection_pb2_grpc.ServerReflectionStub(rpc.channel)
    asked = [
        reflection_pb2.ServerReflectionRequest(list_services=""),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol="inventory.v1.Reservation"),
    ]
    named, file = stub.ServerReflectionInfo(iter(asked), timeout=10)
    names = {service.name for service in named.list_services_response.service}
    assert names == OURS | {"grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}
    assert b"order_reference" in file.file_descriptor_response.file_descriptor_proto[0]


@pytest.mark.django_db
def test_a_server_that_stops_says_so_and_ends_what_it_has_begun(rpc, held):
    call, is_begun, goes_on = held
    assert is_begun.wait(10)
    watched = health_pb2_grpc.HealthStub(rpc.channel).Watch(
        health_pb2.HealthCheckRequest(), timeout=20
    )
    assert next(watched).status == SERVING
    stopping = threading.Thread(target=rpc.server.stop, args=[10.0])
    stopping.start()
    assert next(watched).status == NOT_SERVING
    watched.cancel()
    wait_until(lambda: is_turned_away(rpc))
    assert stopping.is_alive()
    goes_on.set()
    assert call.result(10).endswith(b"\x10\x07\x18\x01\x20\x0a")  # its total, page and size
    stopping.join(10)
    assert not stopping.is_alive()


def is_turned_away(rpc):
    """Of a new caller, whether it finds nobody; one who was quicker than the stop still waits."""
    late = Rpc(grpc.insecure_channel(f"127.0.0.1:{rpc.server.port}"), rpc.key)
    with closing(late.channel):
        return late.refused(*ASKED, timeout=0.3).code == "UNAVAILABLE"


@pytest.mark.django_db
def test_grace_has_an_end(rpc, held):
    call, is_begun, _ = held
    assert is_begun.wait(10)
    rpc.server._server.stop(0.05).wait(10)
    assert call.exception(10).code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.django_db
def test_who_comes_when_too_many_wait_is_sent_away(rpc, held):
    """One thread, and four that may wait for it."""
    first, is_begun, goes_on = held
    assert is_begun.wait(10)
    waiting = [begun(rpc) for _ in range(server.WAITING)]
    turned_away = begun(rpc).exception(10)
    assert turned_away.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    goes_on.set()
    assert all(call.result(10) for call in (first, *waiting))
    assert rpc(*ASKED).total == 7


def test_a_port_that_is_taken_is_told(db):
    with serving(None) as rpc, pytest.raises(AddressTaken):
        Server(f"127.0.0.1:{rpc.server.port}", threads=1)


def test_the_generated_code_is_current(tmp_path):
    """`make proto` would change nothing."""
    from grpc_tools import protoc

    project = Path(__file__).resolve().parents[3]
    contracts = sorted(
        str(path.relative_to(project)) for path in project.glob("*/rpc/proto/*.proto")
    )
    assert len(contracts) == 3
    outputs = [f"--{kind}_out={tmp_path}" for kind in ("python", "pyi", "grpc_python")]
    assert protoc.main(["protoc", f"--proto_path={project}", *outputs, *contracts]) == 0
    made = {path.relative_to(tmp_path): path.read_text() for path in tmp_path.rglob("*.py*")}
    assert len(made) == 9
    assert {path: (project / path).read_text() for path in made} == made


@pytest.mark.slow
@pytest.mark.django_db
def test_with_a_certificate_it_speaks_tls(tmp_path):
    chain, key = tmp_path / "grpc.crt", tmp_path / "grpc.key"
    command = [
        *(program("openssl"), "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
        *("-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", chain),
    ]
    subprocess.run(command, check=True, capture_output=True)
    own = Server("127.0.0.1:0", threads=1, certificate=Certificate(chain, key))
    own.start()
    try:
        trusted = grpc.ssl_channel_credentials(chain.read_bytes())
        address = f"localhost:{own.port}"
        with grpc.secure_channel(address, trusted) as channel:
            assert health_of(Rpc(channel, None)) == SERVING
        with grpc.insecure_channel(address) as channel, pytest.raises(grpc.RpcError) as raised:
            health_of(Rpc(channel, None))
        assert refusal_of(raised.value).code == "UNAVAILABLE"
    finally:
        own.stop(0)
