"""A mail server that says what a test wants it to say."""

from __future__ import annotations

import socketserver
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OK = "250 OK"


class MailServer(socketserver.ThreadingTCPServer):
    """``answers`` to the commands that are not simply taken; ``messages`` as they came."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, answers: Mapping[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        self.answers = {"EHLO": OK, "DATA": "354 Go on", "QUIT": "221 Bye", **answers}
        self.messages: list[str] = []
        self.port: int = self.server_address[1]


class Conversation(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self._say(self.server.answers.get("greeting", "220 Ready"))
        while line := self.rfile.readline():
            command = line.decode().split()[0].upper()
            answer = self.server.answers.get(command, OK)
            self._say(answer)
            if command == "DATA" and answer.startswith("354"):
                self._take_message()

    def _take_message(self) -> None:
        lines = []
        while (line := self.rfile.readline().decode()) not in {"", ".\r\n"}:
            lines.append(line)
        self.server.messages.append("".join(lines))
        self._say(self.server.answers.get("message", OK))

    def _say(self, answer: str) -> None:
        self.wfile.write(f"{answer}\r\n".encode())


@contextmanager
def mail_server(settings, **answers: str) -> Iterator[MailServer]:
    """A server on a port of its own, which the settings name from now on."""
    with MailServer(answers) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        use(settings, server.port)
        yield server
        server.shutdown()


def use(settings, port: int) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
