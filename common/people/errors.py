"""What is refused about staff's accounts."""

from common.errors import DomainError


class WrongCode(DomainError):
    """It is not what the app shows now."""

    code = "wrong_code"


class HasDevice(DomainError):
    """There is an authenticator app already."""

    code = "has_device"
