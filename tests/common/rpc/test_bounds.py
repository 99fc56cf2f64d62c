"""What no caller may take in full: threads, places, the time of a stop."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from time import monotonic

import grpc
import pytest
from django.db import connections
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from common.rpc import calls, doors, server
from common.rpc.server import Server
from products.rpc import reading
from tests.calling import Rpc, refusal_of, serving
from tests.metrics import moving
from tests.waiting import wait_until

ASKED = ("products.v1", "ListProducts")
LIST = "/products.v1.ProductsService/ListProducts"
CHECK = "/grpc.health.v1.Health/Check"
SERVING = health_pb2.HealthCheckResponse.SERVING


@contextmanager
def silence():
    """Messages of which none comes, until the end."""
    is_over = threading.Event()

    def none_yet():
        is_over.wait(30)
        yield from ()

    try:
        yield none_yet
    finally:
        is_over.set()


def half_open(rpc, path, messages, *metadata):
    return rpc.channel.stream_unary(path).future(messages, metadata=metadata, timeout=20)


def health_of(rpc):
    stub = health_pb2_grpc.HealthStub(rpc.channel)
    return stub.Check(health_pb2.HealthCheckRequest(), timeout=5).status


def watch(rpc):
    stub = health_pb2_grpc.HealthStub(rpc.channel)
    return stub.Watch(health_pb2.HealthCheckRequest(), timeout=20)


def look_round(rpc, messages):
    stub = reflection_pb2_grpc.ServerReflectionStub(rpc.channel)
    return stub.ServerReflectionInfo(messages, timeout=20)


@pytest.fixture
def held(rpc, monkeypatch):
    """The only thread is busy, and as many calls wait for it as may."""
    is_begun, goes_on = threading.Event(), threading.Event()

    def slow(_number, _size):
        is_begun.set()
        goes_on.wait(30)
        return [], 7

    monkeypatch.setattr(reading, "page", slow)
    key = ("x-api-key", rpc.key)
    waiting = [half_open(rpc, LIST, iter([b""]), key) for _ in range(1 + server.WAITING)]
    assert is_begun.wait(10)
    wait_until(lambda: rpc.server._places._taken == 1 + server.WAITING)
    yield waiting
    goes_on.set()
    for call in waiting:
        call.result(10)


# Silence


@pytest.mark.django_db
def test_without_a_key_nobody_is_waited_for(rpc):
    with silence() as none_yet:
        opened = [half_open(rpc, LIST, none_yet()) for _ in range(4)]
        assert {call.code() for call in opened} == {grpc.StatusCode.UNAUTHENTICATED}
    assert rpc(*ASKED).page == 1
    assert rpc.server._places.wait_until_empty(10)


@pytest.mark.django_db
def test_with_a_key_a_message_is_waited_for_so_long(rpc, monkeypatch):
    monkeypatch.setattr(calls, "SILENCE", 0.05)
    with silence() as none_yet, moving() as moved:
        opened = half_open(rpc, LIST, none_yet(), ("x-api-key", rpc.key))
        assert rpc(*ASKED, timeout=5).page == 1  # behind it, in the only thread
        assert opened.code() is grpc.StatusCode.CANCELLED
    assert moved("rpc_request_duration_seconds_count", code="DEADLINE_EXCEEDED") == 1
    assert rpc.server._places.wait_until_empty(10)


@pytest.mark.django_db
def test_a_call_without_a_message_is_malformed(rpc):
    error = half_open(rpc, LIST, iter(()), ("x-api-key", rpc.key)).exception(10)
    refused = refusal_of(error)
    assert (refused.code, refused.reasons) == ("INVALID_ARGUMENT", ["malformed"])


@pytest.mark.parametrize("path", [CHECK, "/grpc.health.v1.Health/Watch"])
@pytest.mark.slow
def test_silence_does_not_hide_our_health(db, monkeypatch, path):
    """More half-open calls than there are threads for health."""
    monkeypatch.setattr(doors, "SILENCE", 0.05)
    with serving(None) as rpc, silence() as none_yet:
        opened = [half_open(rpc, path, none_yet()) for _ in range(20)]
        assert health_of(rpc) == SERVING
        assert {call.code() for call in opened} == {grpc.StatusCode.CANCELLED}


# Places


@pytest.mark.django_db
def test_who_finds_no_place_is_told_why_and_when_to_come_again(rpc, held, log_lines):
    with moving() as moved:
        refused = rpc.refused(*ASKED, {"x-request-id": "R-1"}, timeout=5)
        assert (refused.code, refused.reasons) == ("RESOURCE_EXHAUSTED", ["too_many_calls"])
    assert refused.details["RetryInfo"][0].retry_delay.seconds == 1
    assert refused.details["RequestInfo"][0].request_id == "R-1"
    assert moved("rpc_request_duration_seconds_count", code="RESOURCE_EXHAUSTED") == 1
    (line,) = [line for line in log_lines() if line["event"] == "call"]
    assert (line["request_id"], line["reason"]) == ("R-1", "too_many_calls")


@pytest.mark.django_db
def test_health_is_told_while_there_is_no_place(rpc, held):
    for _ in range(3):
        assert health_of(rpc) == SERVING
    watched = watch(rpc)
    assert next(watched).status == SERVING
    watched.cancel()


@pytest.mark.django_db
def test_open_streams_of_reflection_stop_nobody(rpc):
    with silence() as none_yet:
        opened = [look_round(rpc, none_yet()) for _ in range(4)]
        assert rpc(*ASKED, timeout=5).page == 1
        assert health_of(rpc) == SERVING
        for stream in opened:
            stream.cancel()


def test_a_stream_of_reflection_has_an_end(db, monkeypatch):
    monkeypatch.setattr(doors, "LOOKING_ROUND", 0.05)
    with serving(None) as rpc, silence() as none_yet:
        opened = [look_round(rpc, none_yet()) for _ in range(4)]  # two wait for the others
        assert {stream.code() for stream in opened} == {grpc.StatusCode.CANCELLED}
        asked = reflection_pb2.ServerReflectionRequest(list_services="")
        assert list(look_round(rpc, iter([asked])))


def test_watchers_are_so_many_at_most(db, monkeypatch):
    monkeypatch.setattr(doors, "STREAMS", 2)
    with serving(None) as rpc:
        watched = [watch(rpc) for _ in range(2)]
        assert [next(stream).status for stream in watched] == [SERVING, SERVING]
        assert watch(rpc).code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert health_of(rpc) == SERVING
        watched[0].cancel()
        wait_until(lambda: is_watched(rpc))


def is_watched(rpc):
    """Whether one more may watch."""
    stream = watch(rpc)
    try:
        return next(stream).status == SERVING
    except grpc.RpcError:
        return False
    finally:
        stream.cancel()


def stands_still(rpc):
    """Whether a call of which there is nothing to know is not even refused."""
    try:
        rpc.channel.unary_unary("/none/None")(b"", timeout=0.3)
    except grpc.RpcError as error:
        return error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    return False


def tell_while_one_goes(rpc, gone, is_told):
    """In that moment grpcio's one thread wants the lock under which watchers are told."""
    with rpc.server.health._lock:
        gone.cancel()
        wait_until(lambda: stands_still(rpc))
        rpc.server.tell_health(is_well=False)
    is_told.set()


def test_telling_watchers_while_one_goes_away_stops_nobody(db):
    with serving(None) as rpc:
        gone, stays = watch(rpc), watch(rpc)
        assert [next(gone).status, next(stays).status] == [SERVING, SERVING]
        is_told = threading.Event()
        threading.Thread(target=tell_while_one_goes, args=[rpc, gone, is_told], daemon=True).start()
        assert is_told.wait(10)
        assert next(stays).status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert not stands_still(rpc)


# The stop


def test_whoever_watches_or_looks_round_is_not_waited_for(db):
    own = Server("127.0.0.1:0", threads=1)
    own.start()
    with silence() as none_yet, grpc.insecure_channel(f"127.0.0.1:{own.port}") as channel:
        watched = watch(Rpc(channel, None))
        assert next(watched).status == SERVING
        looking = look_round(Rpc(channel, None), none_yet())
        began = monotonic()
        own.stop(grace=15.0)
        assert monotonic() - began < 5.0
        assert looking.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
def test_a_thread_that_is_still_at_work_does_not_break_the_stop(api_client, monkeypatch):
    is_begun, goes_on, is_done = threading.Event(), threading.Event(), threading.Event()

    def endless(_number, _size):
        is_begun.set()
        goes_on.wait(30)
        connections.close_all()  # which else ends with the process
        is_done.set()
        return [], 0

    monkeypatch.setattr(reading, "page", endless)
    own = Server("127.0.0.1:0", threads=1)
    own.start()
    with grpc.insecure_channel(f"127.0.0.1:{own.port}") as channel:
        key = ("x-api-key", api_client("products:read").key)
        call = half_open(Rpc(channel, None), LIST, iter([b""]), key)
        assert is_begun.wait(10)
        own.stop(grace=0.05)
        assert call.code() is grpc.StatusCode.UNAVAILABLE
    assert not is_done.is_set()
    goes_on.set()
    own._pool.shutdown(wait=True)
    assert is_done.is_set()
