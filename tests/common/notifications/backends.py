"""Mail backends that fail, or take their time."""

from __future__ import annotations

from threading import Event as Signal

from django.core.mail.backends.locmem import EmailBackend
from django.db import connection


class Backend(EmailBackend):
    """Fails with ``trouble`` while there is some; shows every message that is handed to it."""

    trouble: Exception | None = None
    shown: list[str] = []

    def send_messages(self, messages):
        self.shown.extend(message.extra_headers["Message-ID"] for message in messages)
        if self.trouble:
            raise self.trouble
        return super().send_messages(messages)


class Slow(EmailBackend):
    """A mail server that takes its time."""

    entered = Signal()
    go_on = Signal()
    idle: list[str] = []

    def send_messages(self, messages):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT state FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'"
            )
            self.idle.extend(state for (state,) in cursor.fetchall())
        connection.close()
        self.entered.set()
        assert self.go_on.wait(20)
        return super().send_messages(messages)
