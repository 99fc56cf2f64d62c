"""Staff's sessions, kept in the database, each in one row with where it is used from."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.db.models import OuterRef, Subquery
from django.utils import timezone

if TYPE_CHECKING:
    from collections.abc import Callable

    from common.people.models import StaffSession

TOUCHED_EVERY: Final = timedelta(minutes=1)
"""More often than that nobody writes down that a session is in use."""


class SessionStore(db.SessionStore):
    """Django's, with an end when nobody uses it, and with who uses it from where.

    ``used_from`` tells address and agent of the request at hand (``common.people.middleware``);
    it is asked only when a session is written.
    """

    used_from: Callable[[], tuple[str | None, str]] = staticmethod(lambda: (None, ""))
    row: StaffSession | None = None
    """What was loaded; None where nothing was, or nothing valid."""
    device_id: int | None = None
    """The authenticator app of the session's user, if there is one; it came with the row."""
    was_idle = False
    """There was a session, and nobody had used it for too long."""

    @classmethod
    def get_model_class(cls) -> type[StaffSession]:
        from common.people.models import StaffSession  # noqa: PLC0415  each needs the other

        return StaffSession

    def _validate_session_key(self, key: str | None) -> bool:
        """A cookie that can be no session's key is not looked up.

        Quoted, a cookie can hold any character, NUL among them, which PostgreSQL refuses.
        """
        if not key or not key.isascii() or not key.isalnum():
            return False
        return bool(super()._validate_session_key(key))  # type: ignore[misc]  # stubs lack it

    def _get_session_from_db(self) -> StaffSession | None:
        from django_otp.plugins.otp_totp.models import TOTPDevice  # noqa: PLC0415  a model

        devices = TOTPDevice.objects.filter(user_id=OuterRef("user_id"), confirmed=True)
        rows = self.get_model_class().objects.annotate(device_id=Subquery(devices.values("pk")[:1]))
        now = timezone.now()
        row: Any = rows.filter(session_key=self.session_key, expire_date__gt=now).first()
        if row is not None and is_idle(row.seen_at, now):
            self.delete(self.session_key)
            self.was_idle, row = True, None
        if row is None:
            self._session_key = None
            return None
        self.row, self.device_id = row, row.device_id
        return self.row

    def create_model_instance(self, data: dict[str, Any]) -> StaffSession:
        """The row as it is now to be; it goes on with the one before while the user is the same."""
        row: Any = super().create_model_instance(data)
        user_id = data.get(SESSION_KEY)
        row.user_id = int(user_id) if user_id else None
        before = self.row
        if before is not None and before.user_id == row.user_id:
            row.started_at = before.started_at
        if before is not None and before.session_key == row.session_key:
            row.id = before.id  # under another key the one before is still there for a moment
        if row.user_id is not None:
            row.address, row.agent = self.used_from()
        self.row = row
        return row  # type: ignore[no-any-return]  # the stubs take every row for Django's own

    def touch(self) -> None:
        """Write down that the session is in use, unless that was done within the minute."""
        now, row = timezone.now(), self.row
        if row is None or row.user_id is None or now - row.seen_at < TOUCHED_EVERY:
            return
        rows = self.get_model_class().objects.filter(session_key=row.session_key)
        address, agent = self.used_from()
        rows.update(seen_at=now, address=address, agent=agent)
        row.seen_at = now


def is_idle(seen_at: datetime, now: datetime) -> bool:
    """Whether nobody has used a session for so long that it has ended."""
    minutes: int = settings.STAFF_IDLE_MINUTES
    return bool(minutes) and now - seen_at >= timedelta(minutes=minutes)
