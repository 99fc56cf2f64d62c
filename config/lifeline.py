"""Tie the life of a child process to its parent's, where the system can do that (Linux)."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from functools import partial

PR_SET_PDEATHSIG = 1

# Looked up here and not in the child, which may do little between fork and exec.
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


def lifeline(at_our_death: signal.Signals) -> Callable[[], None]:
    """A ``preexec_fn``: the kernel sends this signal to the child when we die, even of SIGKILL.

    The kernel watches the thread that starts the child, so start it from the main thread. A
    change of user would clear the request; subprocess makes that change before it calls this.
    """
    return partial(follow, os.getpid(), at_our_death)


def follow(parent: int, at_its_death: signal.Signals) -> None:
    """Ask for this signal to ourselves when our parent process dies."""
    if _prctl is None:
        return
    _prctl(PR_SET_PDEATHSIG, int(at_its_death), 0, 0, 0)
    if os.getppid() != parent:  # it died before we asked
        os.kill(os.getpid(), at_its_death)
