"""What the OpenAPI document cannot see in an action, said where the action is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from common.api.serializers import StrictSerializer

Action = TypeVar("Action", bound="Callable[..., Any]")


@dataclass(frozen=True, slots=True)
class Description:
    """``operation_id`` when the usual one (updateProduct) is not the word of the trade; the
    input that an action URL ``takes``; the ``status`` of its success; and statuses that it
    refuses with beside the usual ones (``also``). ``is_meta``: it answers with ``meta`` alone, in
    the shape of the view's serializer. ``or_found``: what is to be made may be there already, and
    is the answer then.
    """

    operation_id: str = ""
    takes: type[StrictSerializer] | None = None
    status: int = 200
    also: tuple[int, ...] = ()
    is_meta: bool = False
    or_found: bool = False


def described(
    *,
    operation_id: str = "",
    takes: type[StrictSerializer] | None = None,
    status: int = 200,
    also: tuple[int, ...] = (),
    is_meta: bool = False,
    or_found: bool = False,
) -> Callable[[Action], Action]:
    """Mark an action of a view; it goes on working as before."""

    def mark(action: Action) -> Action:
        action.description_ = Description(  # type: ignore[attr-defined]
            operation_id, takes, status, also, is_meta, or_found
        )
        return action

    return mark


def description_of(action: Any) -> Description:
    """What the action was marked with, or nothing but the usual."""
    found = getattr(action, "description_", None)
    return found if isinstance(found, Description) else Description()
