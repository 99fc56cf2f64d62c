"""Servers that do not do what servers do."""

from __future__ import annotations

import socket
from contextlib import suppress


class SilentPeer:
    """Accepts connections and never says a word, as a server does that was stopped or froze."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]

    def close(self) -> None:
        """Whoever still waits for an answer is told that there will be none."""
        with suppress(OSError):
            self._socket.settimeout(0)
            while True:
                self._socket.accept()[0].close()
        self._socket.close()
