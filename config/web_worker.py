"""A gunicorn worker whose callers cannot keep its threads, whatever they do.

Plain ``gthread`` waits in a thread for the rest of a request and for the caller to take the
answer, as long as the caller likes; and for callers to close in the thread that accepts all others.
"""

from __future__ import annotations

import re
import socket
import time
from collections import deque
from functools import partial
from itertools import takewhile
from selectors import EVENT_READ
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any, Final

from gunicorn.errors import ConfigError
from gunicorn.workers.gthread import _DEFER, STOP_KEEPALIVE_LINGER, TConn, ThreadWorker

from config.callers import AT_ONCE, Caller, Late

if TYPE_CHECKING:
    from concurrent.futures import Future

END_OF_HEAD: Final = re.compile(rb"\n\r?\n")  # one without \r is for gunicorn to refuse
HEAD_BYTES: Final = 2**16
DRAINED_BYTES: Final = 2**16
UNREAD_BYTES: Final = 2**21
UNREAD_PIECE: Final = 2**16
PIECE: Final = 2**13


class WebWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn ships no types
    """Who is silent, is slow to send headers, or leaves, does so in the poller, without a thread.

    Whoever else is slow may keep half of the threads. All times are in seconds.
    """

    first_byte = 0.005
    """Until a new caller who is silent goes to the poller."""
    head = 10.0
    """For the headers of a request, and for the first byte of all."""
    body = 10.0
    """For as much of the body as the application reads."""
    answer = 60.0
    """For the application to answer, and the caller to take it all."""
    rest = 0.02
    """For what the application did not read, so that the caller may stay."""
    leave = 2.0
    """In which a caller may still send, and read why it is sent away."""
    patience = 0.1
    """For which a thread waits for its caller without a seat."""
    next_request = 0.01
    """For which a thread waits for the next request of its caller, while there is one for each."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.leaving: deque[TConn] = deque()
        self.seats = BoundedSemaphore(max(1, self.cfg.threads // 2))

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        super().check_config(cfg, log)
        if cfg.is_ssl:
            raise ConfigError("This worker speaks plain HTTP: TLS is for the proxy in front of it.")

    # In a thread

    def handle(self, conn: TConn) -> Any:
        """Serve what the caller asks, or give it back to the poller until its headers are here.

        To hand a caller over costs more than to answer what is in the cache. So who asks again
        soon is answered by the same thread, unless others wait for one.
        """
        conn.stays = self._handle_one(conn)
        while conn.stays is True and self._asks_again(conn):
            conn.stays = self._handle_one(conn)
        return conn.stays

    def _asks_again(self, conn: TConn) -> bool:
        if not self.alive or not self.tpool._work_queue.empty():  # noqa: SLF001
            return False
        soon = self.next_request if self.nr_conns <= self.cfg.threads else 0.0
        return bool(conn.sock.is_readable(soon))

    def _handle_one(self, conn: TConn) -> Any:
        conn.stays = True
        if not conn.initialized:
            if not conn.wait_for_data(self.first_byte):
                return _DEFER
            conn.sock = Caller.on(conn.sock)
            conn.sock.seats = self.seats
            conn.init()
        caller, now = conn.sock, time.monotonic()
        caller.send_by = caller.send_by or now + self.head
        if self.alive and not _has_head(conn):
            conn.stays = now < caller.send_by
            return _DEFER if conn.stays else False
        caller.patience = self.patience
        caller.take_by = now + self.answer
        caller.when_late = None
        stays = super().handle(conn)
        caller.send_by = 0.0
        return stays

    def handle_request(self, req: Any, conn: TConn) -> Any:
        conn.sock.when_late = req.force_close  # the answer then says so
        conn.sock.send_by = time.monotonic() + self.body
        must_close = req.should_close
        req.should_close = lambda: must_close() or not self._is_read(conn)  # asked for the answer
        conn.sock.hold()
        try:
            return super().handle_request(req, conn)
        finally:
            conn.sock.let_go()

    def _is_read(self, conn: TConn) -> bool:
        """Whether nothing of the request is left, or only a little that is here already."""
        conn.sock.send_by = time.monotonic() + self.rest
        try:
            return bool(conn.parser.finish_body(max_bytes=DRAINED_BYTES))
        except Late:
            return False

    def _keepalive_after(self, conn: TConn, keepalive: bool) -> bool:  # noqa: FBT001  as there
        """Whether the caller may stay. It has been told; gunicorn would set a time-out here."""
        return keepalive and self._is_read(conn)

    # In the thread that accepts, and waits for all the others

    def accept(self, listener: socket.socket) -> None:
        """Leave a caller to another process, if that is free, while this one has many of them.

        All processes wait at the same door, and whoever wakes first takes all who come at once.
        """
        if self.nr_conns >= self.cfg.threads and self.cfg.workers > 1:
            time.sleep(0.001)
        super().accept(listener)

    def finish_request(self, conn: TConn, fs: Future[Any]) -> None:
        """Wait for more, keep the connection, or close it once the caller has read the answer.

        While something unread is there, closing would reset the connection, and the answer may
        be lost on its way: the caller, or the proxy, would see a broken one instead.
        """
        if getattr(conn, "stays", True):  # always set by handle, unless that was never reached
            if not self.alive and fs.exception() is None and fs.result() is _DEFER:
                self._let_begin(conn)
                return
            super().finish_request(conn, fs)
            if self.pending_conns and self.pending_conns[-1] is conn:
                conn.timeout = time.monotonic() + self.head
            return
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.settimeout(0)
        except OSError:  # the caller has gone
            self._close(conn)
            return
        conn.timeout = time.monotonic() + self.leave
        conn.left = UNREAD_BYTES
        self.leaving.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self._drop, conn))

    def set_accept_enabled(self, enabled: bool) -> None:  # noqa: FBT001  as there
        """When we are to stop: take in who waits in the queue, and let nobody join it.

        gunicorn leaves it open until the last connection is done. Who joins it meanwhile is hung
        up on, with a request that no proxy may send to another server, for all it knows.
        """
        super().set_accept_enabled(enabled)
        if self.alive:
            return
        for listener in self.sockets:
            before = -1
            while before < self.nr_conns:
                before = self.nr_conns
                self.accept(listener)
            listener.close()

    def _let_begin(self, conn: TConn) -> None:
        """Who came just before we were to stop may still ask; gunicorn would hang up at once."""
        conn.sock.settimeout(0)
        conn.timeout = time.monotonic() + STOP_KEEPALIVE_LINGER
        self.pending_conns.append(conn)
        readable = partial(self.on_pending_socket_readable, conn)
        self.poller.register(conn.sock, EVENT_READ, readable)

    def _drop(self, conn: TConn, connection: socket.socket) -> None:
        """Take in what a leaving caller still sends; close when it is done or goes on too long."""
        try:
            data = socket.socket.recv(connection, UNREAD_PIECE)
        except BlockingIOError:
            return
        except OSError:  # the caller has gone
            data = b""
        conn.left -= len(data)
        if not data or conn.left < 0:
            self.leaving.remove(conn)
            self._part(conn)

    def murder_keepalived(self, force: bool = False) -> None:  # noqa: FBT001, FBT002  as there
        """Called likewise: who has asked meanwhile is not idle, though the poller said so."""
        now = time.monotonic()
        idle = takewhile(lambda conn: conn.timeout <= now, self.keepalived_conns)
        for conn in [conn for conn in idle if not force and _has_asked(conn)]:
            self.on_client_socket_readable(conn, conn.sock)
        super().murder_keepalived(force)

    def murder_pending(self) -> None:
        """Called every second, and after everything that happens."""
        super().murder_pending()
        while self.leaving and self.leaving[0].timeout < time.monotonic():
            self._part(self.leaving.popleft())

    def _cap_keepalive(self, deadline: float) -> None:
        """Called when we are to stop: who has not begun to ask need not be waited for."""
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)

    def _part(self, conn: TConn) -> None:
        self.poller.unregister(conn.sock)
        self._close(conn)

    def _close(self, conn: TConn) -> None:
        self.nr_conns -= 1
        conn.close()


def _has_asked(conn: TConn) -> bool:
    """Whether something has come that nobody has read."""
    try:
        return bool(socket.socket.recv(conn.sock, 1, AT_ONCE | socket.MSG_PEEK))
    except OSError:  # nothing, or the caller has gone
        return False


def _has_head(conn: TConn) -> bool:
    """Take in what has come; whether it is all headers, or something for gunicorn to refuse."""
    unreader = conn.parser.unreader
    head = unreader.take_buffered()
    try:
        while not END_OF_HEAD.search(head) and len(head) < HEAD_BYTES:
            data = socket.socket.recv(conn.sock, PIECE, AT_ONCE)
            if not data:
                break
            head += data
    except BlockingIOError:
        return False
    except OSError:  # the caller has gone
        return True
    finally:
        unreader.unread(head)
    return True
