"""What the sender may do: scopes for programs, Django's model permissions for staff."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission

from common.access.scopes import ALL_SCOPES
from common.access.verification import Client

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.db.models import Model
    from rest_framework.request import Request
    from rest_framework.views import APIView

ACTIONS = {"GET": "view", "POST": "add", "PUT": "change", "PATCH": "change", "DELETE": "delete"}


class HasScope(BasePermission):
    """A program needs the scope for the method; staff need the permission on the view's model.

    A view can name the permissions that staff need, by action or by method: ``staff_permissions =
    {"GET": "inventory.view_batch", "receive": "inventory.receive_batch"}``. The action's goes
    first; of several, one will do, and the action asks further (``check_may``). What such a view
    leaves out is for superusers, as is a view that names none and has no model.
    """

    read_scope: ClassVar[str]
    write_scope: ClassVar[str]

    @classmethod
    def for_methods(cls, *, read: str, write: str) -> type[HasScope]:
        """The permission class of a view, with a scope for safe methods and one for the others."""
        if unknown := {read, write} - ALL_SCOPES:
            raise ValueError(f"unknown scopes: {unknown}")
        return type("HasScope", (cls,), {"read_scope": read, "write_scope": write})

    def has_permission(self, request: Request, view: APIView) -> bool:
        user: Any = request.user  # ours, Django's, or nobody
        if isinstance(user, Client):
            return self._allow_client(user, request.method)
        if not getattr(user, "is_staff", False):
            return False
        needed = _staff_permissions(request.method, view)
        return user.is_superuser or any(user.has_perm(permission) for permission in needed)

    def _allow_client(self, client: Client, method: str | None) -> bool:
        check_scope(client, self.read_scope if method in SAFE_METHODS else self.write_scope)
        return True


def check_scope(client: Client, scope: str) -> None:
    if not client.allows(scope):
        raise PermissionDenied(f"This API key does not have the scope {scope}.")


def check_may_read(user: Any, scope: str, model: type[Model]) -> None:
    """Refuse a sender who may not read resources of this kind, whichever way they would come."""
    if isinstance(user, Client):
        check_scope(user, scope)
    elif not user.has_perm(_permission("GET", model)):
        raise PermissionDenied("You do not have the permission to view this.")


def check_may(user: Any, permission: str) -> None:
    """Refuse staff who lack a permission that depends on the body; programs have their scope."""
    if not isinstance(user, Client) and not user.has_perm(permission):
        raise PermissionDenied(f"You do not have the permission {permission}.")


def _staff_permissions(method: str | None, view: APIView) -> Sequence[str]:
    """The permissions of which staff need one, in the form that has_perm takes."""
    verb = "GET" if method is None or method in SAFE_METHODS else method
    named: Mapping[str, Any] | None = getattr(view, "staff_permissions", None)
    if named is not None:
        needed = named.get(getattr(view, "action", verb)) or named.get(verb) or ()
        return [needed] if isinstance(needed, str) else needed
    model = _model_of(view)
    return [_permission(verb, model)] if model else []


def _permission(verb: str, model: type[Model]) -> str:
    meta = model._meta  # noqa: SLF001  public in all but its name
    return f"{meta.app_label}.{ACTIONS[verb]}_{meta.model_name}"


def _model_of(view: Any) -> type[Model] | None:
    model: type[Model] | None = getattr(view, "model", None)
    if model is None and hasattr(view, "get_queryset"):
        model = view.get_queryset().model
    return model
