"""The connection to a caller, who has a bounded time to send and to take what is for it."""

from __future__ import annotations

import select
import socket
import time
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any, Final

from gunicorn.http.errors import NoMoreData

if TYPE_CHECKING:
    from collections.abc import Callable

AT_ONCE: Final = socket.MSG_DONTWAIT


class Late(NoMoreData, TimeoutError):  # type: ignore[misc]  # gunicorn ships no types
    """The caller was not in time. For gunicorn, it has gone."""


class Caller(socket.socket):
    """The connection to a caller, who has until ``send_by`` and ``take_by`` or else is Late.

    To wait for it for more than ``patience`` in all takes one of the ``seats``, of which there
    are fewer than threads.
    """

    seats: BoundedSemaphore
    patience = 0.0
    send_by = take_by = 0.0
    """By the monotonic clock; 0 between two requests."""
    when_late: Callable[[], None] | None = None
    _held: bytes | None = None
    """Of an answer: its headers, which go out with the first of its body. None: nothing waits."""

    @classmethod
    def on(cls, connection: socket.socket) -> Caller:
        kind = connection.family, connection.type, connection.proto
        return cls(*kind, fileno=connection.detach())

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        while True:
            try:
                return super().recv(size, flags | AT_ONCE)
            except BlockingIOError:
                self._wait(select.POLLIN, self.send_by)

    def send(self, data: Any, flags: int = 0, /) -> int:
        while True:
            try:
                return super().send(data, flags | AT_ONCE)
            except BlockingIOError:
                self._wait(select.POLLOUT, self.take_by)

    def hold(self) -> None:
        """From here on the first piece waits for the second, or for ``let_go``: one call, and one
        packet, for a small answer.
        """
        self._held = b""

    def let_go(self) -> None:
        held, self._held = self._held, None
        if held:
            self.sendall(held)

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        if self._held == b"":
            self._held = bytes(data)
            return
        if self._held:
            data, self._held = self._held + data, None
        sent = self.send(data, flags)
        while sent < len(data):
            sent += self.send(memoryview(data)[sent:], flags)

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        """Without the kernel's help, which would wait for as long as the caller likes."""
        file.seek(offset)
        data = file.read(-1 if count is None else count)
        self.sendall(data)
        return len(data)

    def _wait(self, event: int, until: float) -> None:
        """Until the caller sends or takes something."""
        began = time.monotonic()
        if self._is_ready(event, min(self.patience, until - began)):
            self.patience -= time.monotonic() - began
            return
        self.patience = 0.0
        if self.seats.acquire(blocking=False):
            try:
                if self._is_ready(event, until - time.monotonic()):
                    return
            finally:
                self.seats.release()
        if self.when_late:
            self.when_late()
        raise Late

    def settimeout(self, seconds: float | None) -> None:
        """Asked for again and again by gunicorn, and a call to the kernel each time."""
        if seconds != self.gettimeout():
            super().settimeout(seconds)

    def setblocking(self, flag: bool) -> None:  # noqa: FBT001  as there
        self.settimeout(None if flag else 0.0)

    def is_readable(self, seconds: float) -> bool:
        return self._is_ready(select.POLLIN, seconds)

    def _is_ready(self, event: int, seconds: float) -> bool:
        poll = select.poll()
        poll.register(self, event)
        return seconds >= 0 and bool(poll.poll(1000 * seconds))
