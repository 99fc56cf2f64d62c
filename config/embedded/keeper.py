"""The process that keeps one server: starts it, and stops it when nobody shares it any more.

The server cannot be run by one of its users, because the first of them to come is not the last
to go. The keeper outlives them, and notices that the last one is gone even when that one was
killed, because the kernel then grants it the lock it waits for.
"""

import fcntl
import os
import signal
import subprocess
import sys
from contextlib import suppress
from functools import partial
from types import FrameType

from config.embedded.server import Server
from config.locks import open_lock

PATIENCE = 4.0  # seconds that a server has for each signal it is sent


class ServerDied(Exception):
    """The server is gone although somebody shares it; who that is may start it again."""


def keep(server: Server, lock: int) -> None:
    """Run the server until the last share is gone; it inherits the lock from us."""
    signal.signal(signal.SIGTERM, _leave)
    process = _start(server, lock)
    try:
        signal.signal(signal.SIGCHLD, partial(_server_changed, process.pid))
        if process.poll() is None:
            fcntl.flock(open_lock(server.shares), fcntl.LOCK_EX)
    except ServerDied:
        pass
    finally:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        stop(server, process)
        server.clear_remains()


def _start(server: Server, lock: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        server.prepare(),
        stdin=subprocess.DEVNULL,
        pass_fds=[lock],
        **server.account.popen_options(at_our_death=server.stop_signals[0]),
    )


def stop(server: Server, process: "subprocess.Popen[bytes]") -> None:
    for signal_number in server.stop_signals:
        process.send_signal(signal_number)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            continue
        return


def _server_changed(process_id: int, _signal: int, _frame: FrameType | None) -> None:
    """Raise ServerDied, unless it was only suspended or goes on again."""
    with suppress(ChildProcessError):
        if not os.waitid(os.P_PID, process_id, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return
    raise ServerDied


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)
