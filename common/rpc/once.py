"""The idempotency-key of a call that writes: the same record, in the same transaction, as of a
request over HTTP (docs/api.md). On the wire, a call is a POST to the path of its method.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

from grpc import StatusCode

from common.api.once import KEPT_REFUSALS
from common.api.once import scope_of as scope_of_request
from common.errors import DomainError
from common.idempotency import once
from common.rpc import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from google.protobuf.message import Message

    from common.access.verification import Client

KEY: str = "idempotency-key"
OK = StatusCode.OK.value[0]


def scope_of(client: Client, path: str, metadata: Mapping[str, str]) -> once.Scope | None:
    """What the call's key is unique within; None without a key. Refuses one that is none."""
    if KEY not in metadata:
        return None
    headers = {"HTTP_IDEMPOTENCY_KEY": metadata[KEY]}
    request = SimpleNamespace(META=headers, method="POST", path=path)
    return scope_of_request(client, request)


def answered_once(
    scope: once.Scope, message: Message, answer: Callable[[], bytes]
) -> tuple[bytes | errors.Failure, bool]:
    """The answer to a call, as bytes, and whether it was given before.

    A refusal by stock or catalogue is kept too; then the answer is that Failure. Refuses with
    KeyReused and InProgress, and as ``answer`` does.
    """
    made: list[bytes | DomainError] = []

    def apply() -> once.Answer | None:
        made[:] = [_applied(answer)]  # the last attempt's, after a deadlock
        return _to_keep(made[0])

    sent = message.SerializeToString(deterministic=True).hex()
    given = once.apply_once(
        scope=scope,
        fingerprint=once.fingerprint(scope.method, scope.path, [], sent),
        apply=apply,
    )
    if given is None:
        if isinstance(made[0], DomainError):
            raise made[0]
        return made[0], False
    if given.status != OK:
        return errors.replayed(given.body), True
    return given.body, True


def _applied(answer: Callable[[], bytes]) -> bytes | DomainError:
    try:
        return answer()
    except DomainError as refusal:
        return refusal


def _to_keep(made: bytes | DomainError) -> once.Answer | None:
    """An answer, or a refusal that was decided by stock or catalogue and not before them."""
    if isinstance(made, bytes):
        return once.Answer(OK, made)
    failure = errors.failure_of(made)
    if failure is None or not made.is_kept or made.status not in KEPT_REFUSALS:
        return None
    return once.Answer(failure.status.code, failure.status.SerializeToString())
