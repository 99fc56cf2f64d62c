"""Categories in the back office."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget

from common.backoffice.admins import OperationsAdmin
from common.backoffice.display import moment
from common.backoffice.forms import OperationForm
from products import operations
from products.models import Category

if TYPE_CHECKING:
    from django.utils.safestring import SafeString


class CategoryForm(OperationForm):
    slug = forms.CharField(
        max_length=255,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("Stands in addresses. Empty: made from the name."),
    )

    class Meta:
        model = Category
        fields = ("name", "slug", "parent")
        help_texts = {"parent": gettext_lazy("Empty: a category at the top.")}

    def values(self) -> dict[str, Any]:
        return super().values() | {"slug": self.cleaned_data["slug"] or None}


@admin.register(Category)
class CategoryAdmin(OperationsAdmin):
    form = CategoryForm
    fields = ["name", "slug", "parent"]
    autocomplete_fields = ["parent"]
    list_display = ["shown_name", "parent", "slug", "its_products", "changed"]
    list_select_related = ["parent"]
    search_fields = ["name", "slug"]
    search_help_text = gettext_lazy("Name or slug")
    ordering = ["name_order"]
    empty_advice = gettext_lazy(
        "Categories help staff and shops to find products. Add the first one."
    )
    deletion_advice = gettext_lazy(
        "A category can go once no product and no other category is in it."
    )

    def create(self, values: dict[str, Any]) -> Category:
        return operations.create_category(**values)

    def change(self, row: Category, changes: dict[str, Any], seen_version: int) -> None:
        operations.change_category(
            category_id=row.pk, changes=changes, expected_version=seen_version
        )

    def remove(self, row: Category) -> None:
        operations.delete_category(category_id=row.pk)

    @admin.display(description=gettext_lazy("Name"), ordering="name_order")
    def shown_name(self, category: Category) -> str:
        return category.name

    @admin.display(description=gettext_lazy("Products"))
    def its_products(self, category: Category) -> SafeString:
        address = reverse("admin:products_product_changelist")
        return format_html(
            '<a class="so-link" href="{}?category__id__exact={}">{}</a>',
            address,
            category.pk,
            _("Show products"),
        )

    @admin.display(description=gettext_lazy("Last changed"), ordering="updated_at")
    def changed(self, category: Category) -> SafeString | None:
        return moment(category.updated_at)
