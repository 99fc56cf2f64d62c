"""Wait for signals without missing one: they arrive on a pipe and are read in the main loop."""

import os
import select
import signal
from types import FrameType, TracebackType
from typing import Self

STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """While in use, no signal interrupts the program; ``wait`` tells when one came."""

    def __init__(self) -> None:
        self.stops = 0  # how often we were asked to stop
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)

    def __enter__(self) -> Self:
        for number in STOP:
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # nohup
                signal.signal(number, self._count_stop)
        signal.signal(signal.SIGCHLD, _only_wake)
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """From here on we are about to end: a late Ctrl-C must not cut the clean-up short."""
        signal.set_wakeup_fd(-1)
        for number in STOP:
            signal.signal(number, signal.SIG_IGN)

    def wait(self, timeout: float) -> None:
        """Until a signal comes, or a child ends, or this many seconds have passed."""
        if select.select([self._reader], [], [], timeout)[0]:
            os.read(self._reader, 4096)

    def _count_stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stops += 1


def _only_wake(_number: int, _frame: FrameType | None) -> None:
    """A handler must exist for the signal to reach the pipe."""
