"""What nobody may take in full: places for calls, and the time that silence may last."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Final, TypeVar

import grpc

from common.rpc.errors import MalformedMessage, OutOfTime

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")

LOOK_EVERY: Final = 0.25
"""Seconds between looks for calls that last too long."""


class Places:
    """So many calls at once."""

    def __init__(self, number: int) -> None:
        self._number, self._taken, self._sending = number, 0, 0
        self._changed = threading.Condition()

    def take(self) -> bool:
        """Whether there was one."""
        with self._changed:
            is_free = self._taken < self._number
            self._taken += is_free
        return is_free

    def give_back_after(self, context: grpc.ServicerContext) -> None:
        """When the call has ended, or now if it has."""
        if not context.add_callback(self._give_back):
            self._give_back()

    def give_back_to_send(self, context: grpc.ServicerContext) -> None:
        """Now; who does not read the answer keeps none from another, but the stop waits for it."""
        with self._changed:
            self._taken, self._sending = self._taken - 1, self._sending + 1
        if not context.add_callback(self._sent):
            self._sent()

    def wait_until_empty(self, seconds: float) -> bool:
        """Whether all have been given back, and all answers been sent, within so many seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not (self._taken or self._sending), seconds)

    def _give_back(self) -> None:
        with self._changed:
            self._taken -= 1
            self._changed.notify_all()

    def _sent(self) -> None:
        with self._changed:
            self._sending -= 1
            self._changed.notify_all()


class Patience:
    """Ends calls that say nothing for too long; a caller must not hold a thread by silence."""

    def __init__(self) -> None:
        self._ends: dict[grpc.ServicerContext, float] = {}
        self._is_over = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._look, name="rpc-patience", daemon=True).start()

    def stop(self) -> None:
        self._is_over.set()

    @contextmanager
    def for_seconds(self, seconds: float, context: grpc.ServicerContext) -> Iterator[None]:
        """The call is cancelled if this takes longer, and OutOfTime raised if it goes on then."""
        self._ends[context] = monotonic() + seconds
        try:
            yield
        finally:
            is_cancelled = self._ends.pop(context, None) is None
        if is_cancelled:
            raise OutOfTime

    def message(self, messages: Iterator[T], seconds: float, context: grpc.ServicerContext) -> T:
        """The message of a call. Refuses with OutOfTime and MalformedMessage where none comes."""
        try:
            with self.for_seconds(seconds, context):
                message = next(messages, None)
        except grpc.RpcError:  # the caller has gone, or was sent away
            raise OutOfTime from None
        if message is None:
            raise MalformedMessage("There is no message.")
        return message

    def _look(self) -> None:
        while not self._is_over.wait(LOOK_EVERY):
            now = monotonic()
            for context, end in list(self._ends.items()):
                if end <= now and self._ends.pop(context, None) is not None:
                    context.cancel()
