"""The way of a call: its checks in the order of a request over HTTP, the work, the answer."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

import grpc
from django.db import Error as DatabaseError
from django.db import close_old_connections
from django.utils import timezone
from google.protobuf.message import DecodeError

from common.access import quota
from common.errors import DomainError
from common.observability.context import current, set_actor
from common.people.audit import through_door
from common.people.models import AuditEntry
from common.replica import positions
from common.replica.middleware import note_write
from common.replica.routing import is_configured
from common.rpc import access, deadlines, errors, once, telling
from common.rpc.doors import OPEN, Doors, in_threads, refusing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from google.protobuf.message import Message

    from common.access.scopes import Scope
    from common.access.verification import Client
    from common.rpc.bounds import Patience, Places

F = TypeVar("F", bound="Callable[..., Any]")

SILENCE: Final = 10.0
"""Seconds within which the message of a call must have come, once its key was found good."""


def method(scope: Scope, *, writes: bool = False) -> Callable[[F], F]:
    """A method of a servicer: which scope a caller needs, and whether it changes anything."""

    def marked(act: F) -> F:
        act.scope, act.writes = scope, writes  # type: ignore[attr-defined]  # read below
        return act

    return marked


@dataclass(slots=True)
class Call:
    """What is known of a call beside its message, and what goes out beside its answer."""

    context: grpc.ServicerContext
    metadata: Mapping[str, str]
    line: telling.Line
    trailing: dict[str, Any] = field(default_factory=dict)

    def tell(self, **fields: object) -> None:
        """Say something in the call's line of the log."""
        self.line.told |= fields


class Calls(grpc.ServerInterceptor):
    """Leads every call through its checks. A method that is not marked cannot be called."""

    def __init__(self, places: Places, patience: Patience) -> None:
        self._places, self._patience = places, patience
        self._doors = Doors(patience)
        self._methods: dict[str, Method] = {}

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler | None],
        details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler | None:
        name = details.method.removeprefix("/")
        if name not in self._methods:
            found = continuation(details)
            if found is None:
                return None
            if name.partition("/")[0] in OPEN:
                return self._doors.handler(found)
            self._methods[name] = Method(name, found, self._places, self._patience)
        method = self._methods[name]
        return method.handler if self._places.take() else method.refusal


class Method:
    """One method, and how it is answered.

    To grpcio it is a stream of bytes, which is the same on the wire: so that nobody waits for a
    message before the key was looked at, and what cannot be read is refused in our words.
    """

    def __init__(
        self, name: str, found: grpc.RpcMethodHandler, places: Places, patience: Patience
    ) -> None:
        self._name, self._places, self._patience = name, places, patience
        self._service = name.partition("/")[0]
        self._act: Callable[[Message, Call], Message] = found.unary_unary
        self._read: Callable[[bytes], Message] = found.request_deserializer
        self._scope: Scope = found.unary_unary.scope
        self._writes: bool = found.unary_unary.writes
        self.handler = grpc.stream_unary_rpc_method_handler(self._answer)
        turn_away = in_threads(refusing, partial(self._told, _find_no_place))
        self.refusal = grpc.stream_unary_rpc_method_handler(turn_away)

    def _answer(self, messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        try:
            return self._told(self._answered, messages, context)
        finally:
            self._places.give_back_to_send(context)

    def _told(
        self,
        act: Callable[[Iterator[bytes], Call], bytes],
        messages: Iterator[bytes],
        context: grpc.ServicerContext,
    ) -> bytes:
        """The answer; the call is ended with a status where there is none."""
        metadata = _read(context)
        answer, failure = b"", None
        with telling.told(self._name, metadata) as line:
            call = Call(context, metadata, line)
            call.trailing[telling.REQUEST_ID] = current().request_id
            try:
                with timezone.override(UTC), through_door(AuditEntry.Door.API):
                    answer = act(messages, call)
            except Exception as error:
                failure = _failure(error, context)
                line.code, line.reason = failure.code, failure.reason
                call.trailing[errors.DETAILS] = failure.status.SerializeToString()
            line.sent = len(answer)
        close_old_connections()  # as Django does at the end of a request: broken ones go
        context.set_trailing_metadata(tuple(call.trailing.items()))
        if failure:
            context.abort(failure.code, failure.message)
        return answer

    def _answered(self, messages: Iterator[bytes], call: Call) -> bytes:
        """In the order of a request over HTTP: who calls, how often, and only then the message."""
        deadlines.check(call.context)
        client = access.client_with(call.metadata, self._service, self._scope)
        call.line.client = client.name
        set_actor(client.name)
        verdict = quota.spend(client)
        call.trailing |= {name.lower(): text for name, text in quota.headers(verdict).items()}
        access.check_quota(verdict)
        message = self._message(self._patience.message(messages, SILENCE, call.context))
        if not self._writes:
            return self._done(message, call)
        with _position_noted(client):
            return self._written(message, call, client)

    def _message(self, sent: bytes) -> Message:
        try:
            return self._read(sent)
        except DecodeError as error:
            raise errors.MalformedMessage("The message cannot be read.") from error

    def _done(self, message: Message, call: Call) -> bytes:
        return self._act(message, call).SerializeToString()

    def _written(self, message: Message, call: Call, client: Client) -> bytes:
        """The answer to a call that changes something: once for a key, and within its time."""
        scope = once.scope_of(client, f"/{self._name}", call.metadata)
        work = partial(
            deadlines.within, call.context.time_remaining(), partial(self._done, message, call)
        )
        if scope is None:
            return work()
        answer, is_replayed = once.answered_once(scope, message, work)
        if is_replayed:
            call.trailing["idempotent-replayed"] = "true"
        if isinstance(answer, errors.Failure):
            raise answer
        return answer


def _find_no_place(_messages: Iterator[bytes], _call: Call) -> bytes:
    raise errors.TooManyCalls


def _read(context: grpc.ServicerContext) -> dict[str, str]:
    """The metadata by name; what came twice is joined by a comma, as over HTTP."""
    read: dict[str, str] = {}
    for name, value in context.invocation_metadata():
        if isinstance(value, str):
            read[name] = f"{read[name]},{value}" if name in read else value
    return read


def _failure(error: Exception, context: grpc.ServicerContext) -> errors.Failure:
    failure = errors.failure_of(error)
    if failure is None:
        telling.logger.error("call_broken", exc_info=error)
        return errors.broken()
    if failure.code is grpc.StatusCode.UNAVAILABLE and deadlines.has_passed(context):
        return errors.failure_of(errors.OutOfTime()) or failure
    return failure


@contextmanager
def _position_noted(client: Client) -> Iterator[None]:
    """Around a write: lists that its client reads from a replica will not lack it.

    A refusal counts too, it may have written. After an error nobody knows what was written.
    """
    try:
        yield
    except DomainError:
        note_write(client)
        raise
    except DatabaseError:
        if is_configured():
            positions.forget()
        raise
    else:
        note_write(client)
