"""The database backend; Django finds it by this module's name."""

from __future__ import annotations

import select
from typing import Any

from django.db.backends.postgresql import base

from common.people.audit import tell_cause


class DatabaseWrapper(base.DatabaseWrapper):
    """Looks at a kept connection before its next use, without a round trip while all is well.

    A server that ends a session says so, or its machine closes the line: either way there is
    something to read. While there is nothing, ``SELECT 1`` could tell no more.

    Before it writes to a table with an audit trail, the trail's triggers are told for whom.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.execute_wrappers.append(tell_cause)

    def is_usable(self) -> bool:
        if self.connection is None or self.connection.closed:
            return False
        line = select.poll()
        line.register(self.connection.fileno(), select.POLLIN | select.POLLPRI)
        return not line.poll(0) or bool(super().is_usable())
