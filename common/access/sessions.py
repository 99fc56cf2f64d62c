"""Staff's sessions, kept in the database."""

from __future__ import annotations

from django.contrib.sessions.backends import db


class SessionStore(db.SessionStore):
    """Django's, but a cookie that can be no session's key is not looked up.

    Quoted, a cookie can hold any character, NUL among them, which PostgreSQL refuses.
    """

    def _validate_session_key(self, key: str | None) -> bool:
        if not key or not key.isascii() or not key.isalnum():
            return False
        return bool(super()._validate_session_key(key))  # type: ignore[misc]  # stubs lack it
