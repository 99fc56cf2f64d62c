"""Who may give what to whom: nobody gives, or touches, more than they have themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import Group, Permission, User
from django.db.models import Q

if TYPE_CHECKING:
    from django.db.models import QuerySet


def own_permissions(user: Any) -> set[int]:
    """What somebody has themselves and through groups; also what they had before they were
    deactivated, and would have again."""
    rows = Permission.objects.filter(Q(user=user.pk) | Q(group__user=user.pk))
    return set(rows.values_list("pk", flat=True))


def may_touch(actor: Any, user: User) -> bool:
    """Whether an account has no more power than the actor: else its password would be a ladder."""
    if actor.is_superuser:
        return True
    return not user.is_superuser and own_permissions(user) <= own_permissions(actor)


def may_touch_group(actor: Any, group: Group) -> bool:
    """Whether a group gives no more than the actor has."""
    if actor.is_superuser:
        return True
    given = set(group.permissions.values_list("pk", flat=True))
    return given <= own_permissions(actor)


def givable_permissions(actor: Any) -> QuerySet[Permission]:
    rows = Permission.objects.select_related("content_type").order_by(
        "content_type__app_label", "content_type__model", "codename"
    )
    return rows if actor.is_superuser else rows.filter(pk__in=own_permissions(actor))


def givable_groups(actor: Any) -> QuerySet[Group]:
    """Groups that give nothing that the actor does not have."""
    rows = Group.objects.order_by("name")
    if actor.is_superuser:
        return rows
    beyond = Permission.objects.exclude(pk__in=own_permissions(actor))
    return rows.exclude(permissions__in=beyond)


def is_last_superuser(user: User) -> bool:
    """Whether without this account nobody could do everything any more.

    Locks: the active superusers (docs/locking.md): two who deactivate each other must not both
    succeed.
    """
    able = User.objects.filter(is_superuser=True, is_staff=True, is_active=True).order_by("pk")
    able_ids = list(able.select_for_update(no_key=True).values_list("pk", flat=True))
    return able_ids == [user.pk]
