"""HTTP as bytes: what a well-behaved client library would refuse to send."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPMessage, HTTPResponse
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl

Address: TypeAlias = tuple[str, int]
PATIENCE: Final = 20.0  # seconds, for the slowest answer
JSON: Final = "application/json"
JSONAPI: Final = "application/vnd.api+json"
BY_THE_SERVER: Final = "refused by the HTTP server itself"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. ``status`` is None when the server closed the connection without a word."""

    status: int | None
    headers: HTTPMessage = field(default_factory=HTTPMessage)
    body: bytes = b""

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    @property
    def is_document(self) -> bool:
        return self.headers.get("Content-Type") in {JSON, JSONAPI}

    @property
    def errors(self) -> list[str]:
        """Its errors as the tables state them, each of which is checked to be complete."""
        assert self.is_document, self
        errors = self.document["errors"]
        for error in errors:
            assert error["status"] == str(self.status)
            assert error["title"]
            assert error["detail"]
            assert error["id"] == self.headers["X-Request-ID"]
        return [_stated(error) for error in errors]


def _stated(error: Mapping[str, Any]) -> str:
    """``code``, followed by ``pointer:``, ``parameter:`` or ``header:`` when it tells where."""
    sources = [f"{kind}:{place}" for kind, place in error.get("source", {}).items()]
    return " ".join([error["code"], *sources])


def encoded(body: Any) -> bytes:
    """Bytes as they are; everything else as JSON in UTF-8."""
    return body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()


def message(
    method: str,
    target: str | bytes,
    headers: Mapping[str, str | None],
    body: bytes = b"",
    *,
    version: str = "HTTP/1.1",
    more: bytes = b"",
) -> bytes:
    """A request; headers that are None are left out, ``more`` are header lines as they are.

    Characters above ASCII in a target are sent in UTF-8, in a header in Latin-1.
    """
    stated = {"Connection": "close"}
    if body:
        stated["Content-Length"] = str(len(body))
    lines = {name: value for name, value in (stated | dict(headers)).items() if value is not None}
    start = target if isinstance(target, bytes) else target.encode()
    head = b"".join(f"{name}: {value}\r\n".encode("latin-1") for name, value in lines.items())
    return b"%s %s %s\r\n%s%s\r\n%s" % (
        method.encode("latin-1"), start, version.encode(), head, more, body
    )  # fmt: skip


def exchange(address: Address, data: bytes, *, hang_up: bool = False) -> Answer:
    """Send the bytes as they are; with ``hang_up`` nothing more will come from this side."""
    with socket.create_connection(address, timeout=PATIENCE) as connection:
        with suppress(ConnectionError):  # refused before everything was sent: the answer is there
            connection.sendall(data)
            if hang_up:
                connection.shutdown(socket.SHUT_WR)
        return answer_on(connection, method=data[:5].decode("latin-1").split(" ")[0])


def answer_on(connection: socket.socket, method: str = "GET") -> Answer:
    """The next answer on a connection."""
    response = HTTPResponse(connection, method=method)
    try:
        response.begin()
        return Answer(response.status, response.headers, response.read())
    except (ConnectionError, HTTPException):
        return Answer(None)


def assert_refused(answer: Answer, status: int, *errors: str) -> None:
    """This status and exactly these errors, in this order: the code of each, and its source.

    ``BY_THE_SERVER`` instead: the HTTP server refuses before the application is asked, in words
    of its own, so that the status is all that is promised.
    """
    assert answer.status == status, answer
    if errors == (BY_THE_SERVER,):
        assert not answer.is_document, answer
    else:
        assert answer.errors == list(errors), answer


def assert_points_at_what_is_there(answer: Answer, target: str | bytes, body: bytes) -> None:
    """Every pointer leads to something in the body, every parameter stands in the address."""
    if answer.status is None or answer.status < 400 or not answer.is_document:
        return
    for error in answer.document["errors"]:
        source = error.get("source", {})
        if "pointer" in source:
            _followed(json.loads(body), source["pointer"])
        if "parameter" in source:
            assert source["parameter"] in _parameters(target), answer


def _followed(value: Any, pointer: str) -> None:
    """Go where the pointer leads (RFC 6901), or fail on the way."""
    start, *tokens = pointer.split("/")
    assert start == "", pointer
    for token in tokens:
        name = token.replace("~1", "/").replace("~0", "~")
        value = value[int(name)] if isinstance(value, list) else value[name]


def _parameters(target: str | bytes) -> set[str]:
    text = target.decode() if isinstance(target, bytes) else target
    query = text.partition("?")[2]
    return {name for name, _ in parse_qsl(query, keep_blank_values=True, errors="replace")}
