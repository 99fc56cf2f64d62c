"""Health and reflection: open to everybody, therefore with threads and bounds of their own."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import grpc
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection

from common.rpc.bounds import Patience, Places
from common.rpc.errors import MalformedMessage, OutOfTime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HEALTH: Final = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
OPEN: Final = frozenset({HEALTH, reflection.SERVICE_NAME})
"""Services for whoever looks after us, or wants to know what there is; no key is needed."""

SILENCE: Final = 2.0
"""Seconds within which it must be said whose health is asked for."""
LOOKING_ROUND: Final = 10.0
"""Seconds that one stream of reflection may last."""
STREAMS: Final = 100
"""Watchers, and likewise streams of reflection, at once."""
NOTHING: Final = object()
"""Told by nobody: a message may be None, which ends a stream."""

_watchers: Final = ThreadPoolExecutor(16, "rpc-health")
"""Who looks after us is answered while all other threads are busy."""
_visitors: Final = ThreadPoolExecutor(2, "rpc-reflection")
_telling: Final = ThreadPoolExecutor(STREAMS, "rpc-watched")
"""Watchers are told by threads that hold nothing (``Outbox``); one who takes nothing keeps one."""
refusing: Final = ThreadPoolExecutor(1, "rpc-refusing")
"""Whoever finds no place is told so while all other threads are busy."""


class Outbox:
    """What a watcher is to be told, in its order, by other threads than those who have it told.

    The servicer of grpcio tells all watchers while it holds its lock, and each telling waits for
    the one thread that serves all calls; that one wants the lock when a watcher goes away. In
    that moment the whole server would stand still, for ever.
    """

    def __init__(self, send: Callable[[Any], object]) -> None:
        self._send = send
        self._waiting: deque[Any] = deque()
        self._is_sending = False
        self._guard = Lock()

    def __call__(self, message: Any) -> None:
        with self._guard:
            self._waiting.append(message)
            if self._is_sending:
                return
            self._is_sending = True
        sending = _telling.submit(self._send_all)
        _being_told.add(sending)
        sending.add_done_callback(_being_told.discard)

    def _send_all(self) -> None:
        while (message := self._next()) is not NOTHING:
            self._send(message)

    def _next(self) -> Any:
        with self._guard:
            if self._waiting:
                return self._waiting.popleft()
            self._is_sending = False
            return NOTHING


_being_told: Final[set[Future[None]]] = set()


def wait_until_told(seconds: float) -> None:
    """Let watchers hear what they are being told; not for longer than so many seconds."""
    wait(list(_being_told), timeout=seconds)


class Doors:
    """Leads calls that need no key."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._watching, self._visiting = Places(STREAMS), Places(STREAMS)

    def handler(self, found: grpc.RpcMethodHandler) -> grpc.RpcMethodHandler:
        """For one call of it; takes a place among the streams if it is one."""
        if found.unary_unary:
            return grpc.stream_unary_rpc_method_handler(
                in_threads(_watchers, self._checked(found)), *_codecs(found)
            )
        watches = bool(found.unary_stream)
        places = self._watching if watches else self._visiting
        if not places.take():
            return grpc.stream_stream_rpc_method_handler(in_threads(refusing, _refused))
        act = self._watched(found) if watches else self._shown(found)
        return grpc.stream_stream_rpc_method_handler(act, *_codecs(found))

    def _checked(self, found: grpc.RpcMethodHandler) -> Callable[..., Any]:
        def check(messages: Iterator[Any], context: grpc.ServicerContext) -> Any:
            return found.unary_unary(self._message(messages, context), context)

        return check

    def _watched(self, found: grpc.RpcMethodHandler) -> Callable[..., Any]:
        def watch(messages: Iterator[Any], context: grpc.ServicerContext, send: Any) -> None:
            self._watching.give_back_after(context)
            found.unary_stream(self._message(messages, context), context, Outbox(send))

        watch.experimental_non_blocking = True  # type: ignore[attr-defined]  # grpcio's own way
        return in_threads(_watchers, watch)

    def _shown(self, found: grpc.RpcMethodHandler) -> Callable[..., Any]:
        def show(messages: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
            self._visiting.give_back_after(context)
            try:
                with self._patience.for_seconds(LOOKING_ROUND, context):
                    yield from found.stream_stream(messages, context)
            except OutOfTime:
                return

        return in_threads(_visitors, show)

    def _message(self, messages: Iterator[Any], context: grpc.ServicerContext) -> Any:
        try:
            return self._patience.message(messages, SILENCE, context)
        except (OutOfTime, MalformedMessage):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "There is no message.")


def in_threads(pool: ThreadPoolExecutor, act: Callable[..., Any]) -> Callable[..., Any]:
    """The same, done by threads of this pool."""
    act.experimental_thread_pool = pool  # type: ignore[attr-defined]  # grpcio's own way
    return act


def _codecs(found: grpc.RpcMethodHandler) -> tuple[Any, Any]:
    return found.request_deserializer, found.response_serializer


def _refused(_messages: Iterator[Any], context: grpc.ServicerContext) -> None:
    context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "There are too many streams open.")
