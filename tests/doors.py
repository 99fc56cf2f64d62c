"""The web server's own door, where shortcuts answer before Django is entered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from django.core.handlers.wsgi import WSGIHandler

from common.api import shortcuts, wsgi
from tests.products.caching import OF_EACH_REQUEST

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Answer:
    status: str
    headers: dict[str, str]
    body: bytes
    is_sooner: bool
    """Whether Django was not entered."""

    @property
    def usual_headers(self) -> dict[str, str]:
        return {name: it for name, it in self.headers.items() if name not in OF_EACH_REQUEST}


@pytest.fixture
def entered(monkeypatch) -> list[str]:
    """The addresses that Django's own handler was asked for."""
    addresses, enter = [], WSGIHandler.__call__

    def entering(handler, environ, start_response):
        addresses.append(environ["PATH_INFO"])
        return enter(handler, environ, start_response)

    monkeypatch.setattr(WSGIHandler, "__call__", entering)
    return addresses


def answer_of(door: Any, environ: dict[str, Any], entered: list[str]) -> Answer:
    given: list[Any] = []
    before = len(entered)

    def start_response(status: str, headers: list[tuple[str, str]], *_: object) -> Any:
        given.extend([status, headers])

    parts: Any = door(environ, start_response)
    body = b"".join(parts)
    if hasattr(parts, "close"):
        parts.close()
    status, headers = given
    assert len(dict(headers)) == len(headers), "a header was sent twice"
    return Answer(status, dict(headers), body, is_sooner=len(entered) == before)


@pytest.fixture
def by_the_middlewares(monkeypatch) -> Callable[[], None]:
    """From the call on, nobody asks the shortcuts."""

    def switch() -> None:
        from config.wsgi import application

        handler: Any = application
        while not isinstance(handler, wsgi.Handler):
            handler = next(
                cell.cell_contents for cell in handler.__closure__ if callable(cell.cell_contents)
            )
        monkeypatch.setattr(handler, "_shortcut", lambda _request: None)
        monkeypatch.setattr(shortcuts, "offered", lambda _request: None)

    return switch
