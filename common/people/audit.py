"""Who causes a change, told to the triggers that write the audit trail.

The triggers know the old and the new row, and not the person. So before a statement that writes
to an audited table, the cause of the work at hand is left in the transaction, where the trigger
reads it. Other statements are let pass; selling, which comes most often, is not slowed down.
"""

from __future__ import annotations

import re
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from django.db import connection, transaction

from common.observability.context import current

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from common.people.models import AuditEntry

TABLES: Final = (
    "products_product",
    "products_category",
    "inventory_location",
    "inventory_countsheet",
    "inventory_countline",
    "access_apikey",
    "access_apikeysecret",
    "webhooks_webhookendpoint",
    "auth_user",
    "auth_user_groups",
    "auth_user_user_permissions",
    "auth_group",
    "auth_group_permissions",
    "otp_totp_totpdevice",
)
"""Of stock levels, too, but their settings alone: their figures are in the ledger."""

ONE_OF_THEM: Final = f"(?:{'|'.join(TABLES)})"
WRITES_AUDITED: Final = re.compile(
    rf'(?:INSERT INTO|DELETE FROM) "{ONE_OF_THEM}"'  # noqa: S608  makes no statement
    rf'|UPDATE "{ONE_OF_THEM}" SET (?!"last_(?:login|used_at)" = \S+ WHERE)'
    r'|UPDATE "inventory_stocklevel" SET "(?:reorder_|safety_stock|snoozed_until)'
)
LEAVE_CAUSE: Final = """
SELECT set_config('stockroom.actor', %s, true), set_config('stockroom.request_id', %s, true),
       set_config('stockroom.door', %s, true)
"""

_door: ContextVar[str] = ContextVar("door", default="command or job")


@contextmanager
def through_door(door: AuditEntry.Door) -> Iterator[None]:
    """What is changed in this block came in here."""
    token = _door.set(door.value)
    try:
        yield
    finally:
        _door.reset(token)


def tell_cause(
    execute: Callable[..., Any], sql: Any, params: Any, many: Any, context: dict[str, Any]
) -> Any:
    """Run a statement, and before it, if it writes to an audited table, leave its cause there."""
    if not (isinstance(sql, str) and WRITES_AUDITED.match(sql)):
        return execute(sql, params, many, context)
    with transaction.atomic() if not connection.in_atomic_block else nullcontext():
        cause = current()
        with connection.wrap_database_errors:
            told = [cause.actor, cause.request_id, _door.get()]
            connection.connection.execute(LEAVE_CAUSE, told)
        return execute(sql, params, many, context)
