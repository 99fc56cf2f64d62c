"""Where staff are logged in, and ending that."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from axes.utils import reset
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from common.database import in_transaction
from common.people.models import StaffSession
from common.people.second_factor import forget_wrong_codes

if TYPE_CHECKING:
    from uuid import UUID

    from django.contrib.auth.models import User
    from django.db.models import QuerySet
    from django.http import HttpRequest

MOST_SHOWN: Final = 50
BROWSERS: Final = (
    ("Edge", r"Edg(?:e|A|iOS)?/"),
    ("Opera", r"OPR/"),
    ("Firefox", r"Firefox/|FxiOS/"),
    ("Chrome", r"Chrome/|CriOS/|Chromium/"),
    ("Safari", r"Safari/"),
)
SYSTEMS: Final = (
    ("Android", r"Android"),
    ("iPhone", r"iPhone"),
    ("iPad", r"iPad"),
    ("Windows", r"Windows"),
    ("macOS", r"Mac OS X|Macintosh"),
    ("ChromeOS", r"CrOS"),
    ("Linux", r"Linux"),
)


def open_sessions(user_id: int) -> QuerySet[StaffSession]:
    """Those in which somebody is logged in, the one used last first."""
    now = timezone.now()
    rows = StaffSession.objects.filter(user_id=user_id, expire_date__gt=now)
    if settings.STAFF_IDLE_MINUTES:
        rows = rows.filter(seen_at__gt=now - timedelta(minutes=settings.STAFF_IDLE_MINUTES))
    return rows.order_by("-seen_at", "id")


def end_session(*, user_id: int, session_id: UUID) -> bool:
    """Log somebody out of one browser, at once. False if they were logged out already."""
    ended, _by_model = StaffSession.objects.filter(user_id=user_id, id=session_id).delete()
    return bool(ended)


def end_sessions(*, user_id: int, except_key: str | None = None) -> int:
    """Log somebody out everywhere, but for the session of this key; how many there were."""
    rows = StaffSession.objects.filter(user_id=user_id).exclude(session_key=except_key or "")
    ended, _by_model = rows.delete()
    return ended


@in_transaction
def sweep_sessions(*, limit: int) -> int:
    """Delete sessions that have ended, with where they were used from; how many there were.

    Locks: the sessions, but for those that somebody else holds (docs/locking.md).
    """
    now = timezone.now()
    ended = StaffSession.objects.filter(expire_date__lte=now)
    if settings.STAFF_IDLE_MINUTES:
        idle_since = now - timedelta(minutes=settings.STAFF_IDLE_MINUTES)
        ended |= StaffSession.objects.filter(seen_at__lte=idle_since)
    keys = list(ended.select_for_update(skip_locked=True).values_list("pk", flat=True)[:limit])
    StaffSession.objects.filter(pk__in=keys).delete()
    return len(keys)


def unlock(user: User) -> None:
    """Let somebody log in again at once who was locked out after wrong passwords or codes."""
    reset(username=user.get_username())
    forget_wrong_codes(user_id=user.pk)


def agent_in_short(agent: str) -> str:
    """``Firefox, Linux``: what a browser says of itself, as people say it."""
    found = [
        next((name for name, pattern in known if re.search(pattern, agent)), "")
        for known in (BROWSERS, SYSTEMS)
    ]
    return ", ".join(filter(None, found)) or _("unknown browser")


def seconds_left(request: HttpRequest) -> int:
    """How long the session of a request goes on if nobody uses it; a day where it has no end."""
    row: Any = request.session.row  # type: ignore[attr-defined]  # ours
    if row is None or not settings.STAFF_IDLE_MINUTES:
        return 86_400
    seen_at = timezone.now() if request.method == "POST" else row.seen_at
    end = seen_at + timedelta(minutes=settings.STAFF_IDLE_MINUTES)
    return max(0, int((end - timezone.now()).total_seconds()))
