"""Groups in the back office."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.models import Group
from unfold.admin import ModelAdmin

from common.people import powers
from common.people.admin.permissions import in_words
from common.people.history import WithTrail

if TYPE_CHECKING:
    from django.http import HttpRequest

admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(WithTrail, DjangoGroupAdmin, ModelAdmin):
    """Who is no superuser gives groups what they have themselves, and leaves stronger ones be."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and _may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and _may_touch(request, obj)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Without deleting several at once, which asks about none of them."""
        return {}

    def formfield_for_manytomany(self, db_field: Any, request: Any = None, **kwargs: Any) -> Any:
        if db_field.name == "permissions":
            kwargs["queryset"] = powers.givable_permissions(request.user)
        field: Any = super().formfield_for_manytomany(db_field, request, **kwargs)
        if field is not None and db_field.name == "permissions":
            field.label_from_instance = in_words
        return field


def _may_touch(request: HttpRequest, group: Any) -> bool:
    return not isinstance(group, Group) or powers.may_touch_group(request.user, group)
