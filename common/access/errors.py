"""Why an operation on API keys is refused."""

from common.errors import DomainError, Duplicate, NotFound


class InvalidKey(DomainError):
    """A name, scope, quota, lifetime or secret that no API key can have."""

    code = "invalid"


class KeyNameTaken(Duplicate):
    """Names are never given twice: the ledger knows its actors by them."""


class UnknownKey(NotFound):
    """There is no API key of this name or id."""


class KeyRevoked(DomainError):
    """The key was revoked, which is final."""

    code = "key_revoked"
    status = 409
