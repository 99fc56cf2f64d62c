"""Why a message is not applied."""

from __future__ import annotations

from common.errors import DomainError


class TooLarge(DomainError):
    """More than 1 MiB is no command."""

    code = "payload_too_large"
    status = 413


class NotJson(DomainError):
    """The body is not JSON."""

    code = "malformed"
    status = 400


class NoEnvelope(DomainError):
    """The body is not an event in a CloudEvents 1.0 envelope."""

    code = "no_envelope"
    status = 400


class UnknownType(DomainError):
    """Nobody here handles events of this type."""

    code = "unknown_type"


class InvalidData(DomainError):
    """The data of the event are not as the schema of its type says."""

    code = "invalid"


class TooEarly(Exception):
    """What the message is about is not there yet, and may come: the same refusal, not final."""

    def __init__(self, refusal: DomainError) -> None:
        super().__init__(refusal.detail)
        self.refusal = refusal
