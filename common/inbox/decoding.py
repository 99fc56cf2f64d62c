"""Messages whose properties the client library cannot read are read without them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from amqp.exceptions import FrameSyntaxError

from common.observability.logs import get_logger

if TYPE_CHECKING:
    import amqp

logger = get_logger(__name__)

HEADER: Final = 2
"""The type of a frame with the properties of a message."""
BEFORE_PROPERTIES: Final = 12
NO_PROPERTIES: Final = b"\0\0"
UNREADABLE: Final = (ValueError, OverflowError, OSError, FrameSyntaxError)
"""What py-amqp raises over text that is no UTF-8, or over a moment in milliseconds."""


def read_leniently(connection: amqp.Connection) -> None:
    """From here on, take properties that cannot be read for none: the body is what counts."""
    strict = connection.on_inbound_frame

    def lenient(frame: tuple[int, int, Any]) -> Any:
        kind, channel, payload = frame
        if kind != HEADER:
            return strict(frame)
        try:
            return strict(frame)
        except UNREADABLE as error:
            logger.warning("message_properties_unreadable", error=type(error).__name__)
        return strict((kind, channel, bytes(payload[:BEFORE_PROPERTIES]) + NO_PROPERTIES))

    connection.on_inbound_frame = lenient
