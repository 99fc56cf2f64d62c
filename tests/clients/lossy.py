"""A line between a client and a server on which answers get lost."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

OF_THE_LINE = {"connection", "keep-alive", "server", "date", "transfer-encoding"}


@contextmanager
def lossy_line(base_url: str, *, without_key: str = "") -> Iterator[str]:
    """The address of a line to that server: the first answer for each Idempotency-Key is lost.

    The request was carried out by then. The keys of one method can be kept from the server.
    """
    lost: set[str] = set()

    class Line(BaseHTTPRequestHandler):
        def pass_on(self) -> None:
            key = self.headers["Idempotency-Key"]
            if self.command == without_key:
                del self.headers["Idempotency-Key"]
            answer, body = self._answered()
            if key and key not in lost:
                lost.add(key)
                self.close_connection = True
                return
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in OF_THE_LINE:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = pass_on  # noqa: N815 - as the base class calls them

        def _answered(self) -> Any:
            length, headers = int(self.headers["Content-Length"] or 0), dict(self.headers.items())
            server = HTTPConnection(urlsplit(base_url).netloc, timeout=20)
            try:
                server.request(self.command, self.path, self.rfile.read(length), headers)
                answer = server.getresponse()
                return answer, answer.read()
            finally:
                server.close()

        def log_message(self, *_args: Any) -> None:
            """Not on the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Line) as line:
        thread = threading.Thread(target=line.serve_forever, args=[0.05])
        thread.start()
        try:
            yield f"http://127.0.0.1:{line.server_port}"
        finally:
            line.shutdown()
            thread.join()
