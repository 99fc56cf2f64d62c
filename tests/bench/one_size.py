"""The web process of one database under measurement. ``tests.bench.scale`` starts and asks it.

It runs the real WSGI application in its main thread and answers each line of JSON on its standard
input with one on its standard output.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from http import HTTPStatus
from io import BytesIO
from pathlib import Path
from time import process_time_ns
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

WARMING = 3


class Measured:
    """The requests of one database, and what they cost."""

    def __init__(self) -> None:
        from django.contrib.auth import get_user_model
        from django.db import connection
        from django.test import Client

        from common.access.operations import create_key
        from common.access.scopes import ALL_SCOPES
        from config.wsgi import application
        from tests.bench.addresses import addresses

        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")  # the middle of a large table is far away
            cursor.execute("SELECT pg_backend_pid()")
            self.backend: int = cursor.fetchone()[0]
        self.application: Callable[..., Any] = application
        self.addresses = addresses()
        name = f"bench {secrets.token_hex(4)}"
        _, self.key = create_key(name=name, scopes=ALL_SCOPES, created_by=name, quota=0)
        browser = Client()
        browser.force_login(get_user_model().objects.create_superuser(name))
        self.session = browser.cookies["sessionid"].value

    def ask(self, name: str) -> None:
        """Send one request; anything but 200 ends the measurement."""
        from tests.bench.addresses import headers_for

        address = self.addresses[name]
        given = headers_for(address, key=self.key, session=self.session)
        statuses: list[str] = []
        answer = self.application(
            environ_of(address, given), lambda status, _headers, *_: statuses.append(status)
        )
        try:
            body = b"".join(answer)
        finally:
            if hasattr(answer, "close"):
                answer.close()
        if not statuses[0].startswith(str(HTTPStatus.OK.value)):
            raise SystemExit(f"{name}: {address} answered {statuses[0]}: {body[:500]!r}")

    def cost(self, name: str, times: int) -> dict[str, float]:
        """Microseconds of processor time for each request, here and in PostgreSQL."""
        web, database = process_time_ns(), self._database_time()
        for _ in range(times):
            self.ask(name)
        return {
            "web": (process_time_ns() - web) / times / 1_000,
            "database": (self._database_time() - database) / times / 1_000,
        }

    def plans(self, name: str) -> dict[str, Any]:
        """What the request makes PostgreSQL read."""
        from tests.plans import plans_of

        plans = plans_of(lambda: self.ask(name))
        return {
            "queries": len(plans),
            "buffers": sum(plan.buffers for plan in plans),
            "rows": sum(plan.rows_read for plan in plans),
            "end_to_end": sorted(set().union(*(plan.read_from_end_to_end for plan in plans))),
        }

    def _database_time(self) -> int:
        """Nanoseconds on a processor of the PostgreSQL process that serves this one."""
        return int(Path(f"/proc/{self.backend}/schedstat").read_text().split()[0])


def environ_of(
    address: str, headers: Mapping[str, str], method: str = "GET", body: Any = None
) -> dict[str, Any]:
    """What a WSGI server makes of a request; ``body`` is sent as plain JSON."""
    path, _, query = address.partition("?")
    content = b"" if body is None else json.dumps(body).encode()
    about_body = {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(content))}
    return {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_plus(path),
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1",
        "HTTP_ACCEPT": "*/*",
        "wsgi.input": BytesIO(content),
        "wsgi.errors": sys.stderr,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        **(about_body if content else {}),
        **headers,
    }


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the log costs what it costs
    import django

    django.setup()
    measured = Measured()
    answers.write(json.dumps(list(measured.addresses)) + "\n")
    for line in sys.stdin:
        name, times = json.loads(line)
        for _ in range(0 if times else WARMING):
            measured.ask(name)
        answer = measured.cost(name, times) if times else measured.plans(name)
        answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
