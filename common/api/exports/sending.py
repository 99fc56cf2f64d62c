"""An export on its way to the client."""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import copy_context
from errno import ECONNRESET
from threading import Lock
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakSet

from django.conf import settings
from django.db import Error as DatabaseError

from common.access.verification import verify
from common.api.errors import ApiError
from common.observability.logs import get_logger, milliseconds_since

if TYPE_CHECKING:
    from rest_framework.request import Request

    from common.api.exports.walking import Piece

logger = get_logger(__name__)

under_way: Final[WeakSet[Sending]] = WeakSet()
"""By this process. Each keeps a thread for as long as it goes on; others need threads too."""
_one_at_a_time: Final = Lock()

PIECE_SECONDS: Final = 20.0
"""For a client to take a piece, once the time that the web server gives for an answer is over."""


class TooManyExports(ApiError):
    """As many exports are being sent by this process as may be."""

    status_code = 429
    default_code = "throttled"
    wait = 5
    """Seconds for Retry-After."""


class CutOff(ConnectionResetError):
    """The rest cannot be sent. For the web server the caller has gone, so it hangs up.

    Without the chunk that ends an answer: the client knows that something is missing.
    """

    def __init__(self) -> None:
        super().__init__(ECONNRESET, "The export cannot go on.")


def while_in_force(request: Request, pieces: Iterator[Piece]) -> Iterator[Piece]:
    """The pieces, for as long as the key that asks for them may do all that it could; then CutOff.

    Whether it still may is known without a query for most pieces.
    """
    asker: Any = request.user
    secret = request.META.get("HTTP_X_API_KEY")
    for piece in pieces:
        yield piece
        if secret is not None:
            client = verify(secret)
            if client is None or not client.scopes >= asker.scopes:
                logger.warning("export_cut_off", error="KeyNotInForce")
                raise CutOff


class Sending(Iterator[bytes]):
    """The pieces of an export as bytes, read while they are sent; closed when it is over.

    The first is read at once: what goes wrong by then is told in an answer of its own, and what
    goes wrong later cuts the connection off. Its line in the log comes at the end, under the id
    of the request. ``caller`` is the connection, where our web server leads it. Refuses with
    TooManyExports.
    """

    def __init__(self, resource_type: str, pieces: Iterator[Piece], caller: Any = None) -> None:
        self.resource_type = resource_type
        self._caller = caller
        self.rows = self.bytes = 0
        self.is_complete = False
        self._began = perf_counter()
        self._context = copy_context()
        self._pieces = pieces
        self._take_place()
        try:
            self._first: Piece | None = next(pieces)
        except BaseException:
            under_way.discard(self)
            raise

    def _take_place(self) -> None:
        with _one_at_a_time:
            if len(under_way) >= settings.EXPORTS_AT_ONCE:
                raise TooManyExports("As many exports are under way as may be; try again.")
            under_way.add(self)

    def __next__(self) -> bytes:
        piece, self._first = self._first, None
        if piece is None:
            piece = self._context.run(self._read)
        self.rows += piece.rows
        self.bytes += len(piece.content)
        self._give_time()
        return piece.content

    def _give_time(self) -> None:
        """Whoever takes piece after piece may go on, however many they are."""
        if hasattr(self._caller, "take_by"):
            self._caller.take_by = max(self._caller.take_by, monotonic() + PIECE_SECONDS)

    def _read(self) -> Piece:
        try:
            return next(self._pieces)
        except StopIteration:
            self.is_complete = True
            raise
        except DatabaseError as error:
            logger.warning("export_cut_off", error=type(error.__cause__ or error).__name__)
            raise CutOff from error

    def close(self) -> None:
        """It is all sent, or the client has gone: the place is for the next one."""
        if self in under_way:
            under_way.discard(self)
            self._context.run(self._tell)

    def _tell(self) -> None:
        logger.info(
            "export",
            resource_type=self.resource_type,
            rows=self.rows,
            bytes=self.bytes,
            is_complete=self.is_complete,
            duration_ms=milliseconds_since(self._began),
        )
