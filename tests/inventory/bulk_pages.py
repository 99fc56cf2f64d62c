"""What tests of the pages about many rows share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.urls import reverse

from tests.back_office import filled_in
from tests.inventory.stock_pages import STOCK_FORM

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import Model
    from django.test import Client


def opened(
    client: Client, rows: Iterable[Model], action: str, *, query: str = "", across: bool = False
) -> Any:
    """What a list answers when an action is chosen for some of its rows, or for all that match."""
    chosen = list(rows)
    model = chosen[0]._meta.model_name
    return client.post(
        reverse(f"admin:inventory_{model}_changelist") + query,
        {
            "action": f"bulk_{action}",
            "index": "0",
            "select_across": "1" if across else "0",
            ACTION_CHECKBOX_NAME: [str(row.pk) for row in chosen],
        },
        follow=True,
    )


def bulk_address(model: str, action: str) -> str:
    return reverse(f"admin:inventory_{model}_bulk_{action}")


def units(*pairs: tuple[Model, object]) -> dict[str, object]:
    """The fields for units of some stock levels."""
    return {f"units-{row.pk}": many for row, many in pairs}


def sent(client: Client, page: Any, address: str, entered: dict[str, Any]) -> Any:
    """The answer to the page's form after some values were entered."""
    return client.post(address, filled_in(page, STOCK_FORM, **entered), follow=True)


def row_errors(page: Any) -> list[list[str]]:
    """What the page says of each of its rows."""
    return [row.errors for row in page.context["form"].rows]
