"""Filters of the catalogue's lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.admin import SimpleListFilter
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest


class DeletedFilter(SimpleListFilter):
    """Deleted products are out of sight until somebody asks for them."""

    title = gettext_lazy("deletion")
    parameter_name = "deleted"
    product_is_living = "deleted_at__isnull"
    """The lookup; a list of what belongs to products puts ``product__`` before it."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", pgettext("product", "Deleted"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{self.product_is_living: self.value() is None})

    def choices(self, changelist: Any):
        in_catalogue, *others = super().choices(changelist)
        yield in_catalogue | {"display": _("In the catalogue")}
        yield from others

    @classmethod
    def is_chosen(cls, request: HttpRequest) -> bool:
        return cls.parameter_name in request.GET
