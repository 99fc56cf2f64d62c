"""Why an operation on webhooks is refused."""

from common.errors import DomainError, NotFound


class UnknownEndpoint(NotFound):
    """There is no webhook endpoint with this id, or it has been deleted."""


class UnknownDelivery(NotFound):
    """There is no webhook delivery with this id (any more)."""


class EndpointInactive(DomainError):
    """Nothing is sent to an endpoint that is switched off, disabled or deleted."""

    code = "endpoint_inactive"
    status = 409
