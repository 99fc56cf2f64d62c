"""Making a count sheet: which location, which products, and whether to count blind."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django import forms
from django.contrib import messages
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from common.backoffice.forms import StaffForm
from common.backoffice.refusals import busy_refused
from common.errors import DomainError
from common.idempotency import once
from common.ids import new_id
from inventory import operations
from inventory.models import CountSheet, Location
from inventory.operations import Selection
from products.models import Category

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from django.http import HttpRequest, HttpResponse

    Tree = dict[UUID, tuple[str, UUID | None]]

STOCK: Final = [
    ("", gettext_lazy("All, also what should not be there")),
    ("in", gettext_lazy("Those with units on hand")),
    ("low", gettext_lazy("Those that are low")),
    ("out", gettext_lazy("Those with none on hand")),
]
LONGEST_NAME: Final = 255
LONGEST_SCOPE: Final = 255


class CategoryPaths(forms.ModelChoiceField):
    """Categories with those above them, in the order of the tree."""

    def __init__(self, **options: Any) -> None:
        super().__init__(Category.objects.all(), **options)

    def offer(self) -> None:
        """Read the tree: one query, however deep it is."""
        rows = Category.objects.values_list("pk", "name", "parent_id")
        found: Tree = {pk: (name, parent) for pk, name, parent in rows}
        paths = sorted((tuple(_path(pk, found)), pk) for pk in found)
        offered = [(pk, " / ".join(names)) for names, pk in paths]
        self.choices = [("", _("All categories")), *offered]


def _path(pk: UUID | None, found: Tree) -> Iterator[str]:
    if pk is not None:
        name, parent = found[pk]
        yield from _path(parent, found)
        yield name


class NewSheetForm(StaffForm, forms.Form):
    """A sheet for a location, or for some of what is there."""

    title: ClassVar = gettext_lazy("New count sheet")
    button: ClassVar = gettext_lazy("Make the sheet")
    stay: ClassVar = gettext_lazy("Cancel")

    name = forms.CharField(
        required=False,
        max_length=LONGEST_NAME,
        label=gettext_lazy("Name"),
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy(
            "It stands as the reference of every movement that comes of it."
            " Empty: the location and the day."
        ),
    )
    location = forms.ModelChoiceField(
        Location.objects.order_by("priority", "code"),
        label=gettext_lazy("Location"),
        empty_label=None,
        widget=UnfoldAdminSelectWidget,
    )
    category = CategoryPaths(
        required=False,
        label=gettext_lazy("Category"),
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy("With the categories below it."),
    )
    stock = forms.ChoiceField(
        required=False,
        choices=STOCK,
        label=gettext_lazy("Products"),
        widget=UnfoldAdminSelectWidget,
    )
    text = forms.CharField(
        required=False,
        max_length=255,
        label=gettext_lazy("Found by"),
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("Words of the name, or the beginning of the SKU."),
    )
    skus = forms.CharField(
        required=False,
        max_length=100_000,
        label=gettext_lazy("Only these SKUs"),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text=gettext_lazy("One in each line, or with spaces or commas between them."),
    )
    is_blind = forms.BooleanField(
        required=False,
        label=gettext_lazy("Count blind"),
        widget=UnfoldBooleanWidget,
        help_text=gettext_lazy("Who counts does not see how many are expected."),
    )
    once = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, data: Any = None) -> None:
        default = Location.objects.default().pk
        super().__init__(data, initial={"location": default, "once": new_id()})
        self.fields["category"].offer()  # type: ignore[attr-defined]  # CategoryPaths

    def _argument(self, name: str) -> str:
        return name

    def clean_skus(self) -> list[str]:
        """Each SKU once, in the order given."""
        return list(dict.fromkeys(filter(None, re.split(r"[\s,;]+", self.cleaned_data["skus"]))))

    @property
    def called(self) -> str:
        """As it was given, else where and when the sheet was made."""
        told = {
            "location": self.cleaned_data["location"].name,
            "day": date_format(timezone.localdate(), "j M Y"),
        }
        default = _("Count at %(location)s, %(day)s") % told
        return self.cleaned_data["name"] or default[:LONGEST_NAME]

    @property
    def scope(self) -> str:
        """In words, which products were chosen; nothing where all were."""
        given = self.cleaned_data
        parts = [
            str(given["category"] or ""),
            str(dict(STOCK)[given["stock"]]) if given["stock"] else "",
            f"“{given['text']}”" if given["text"] else "",
            ", ".join(given["skus"]),
        ]
        scope = "; ".join(filter(None, parts))
        return scope if len(scope) <= LONGEST_SCOPE else f"{scope[: LONGEST_SCOPE - 1]}…"

    def make(self) -> CountSheet:
        """Call the operation."""
        given = self.cleaned_data
        selection = Selection(
            category_id=given["category"] and given["category"].pk,
            skus=given["skus"],
            text=given["text"].strip(),
            stock=given["stock"],
        )
        return operations.open_sheet(
            name=self.called,
            location=str(given["location"].pk),
            is_blind=given["is_blind"],
            selection=selection,
            scope=self.scope,
        )

    def entered(self) -> dict[str, str]:
        """What makes two sendings of the form the same."""
        return {name: str(value) for name, value in self.cleaned_data.items() if name != "once"}


def new_sheet(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """The form, or the sheet that it has made: one, however often the form is sent."""
    form = NewSheetForm(request.POST or None)
    if form.is_valid():
        try:
            with busy_refused():
                sheet_id, lines = _made_once(model_admin, request, form)
        except DomainError as refusal:
            form.refuse(refusal)
        else:
            told = _("The sheet has %(count)s lines. Scan, or count from the top.")
            model_admin.message_user(request, told % {"count": lines}, messages.SUCCESS)
            return redirect("admin:inventory_countsheet_change", sheet_id)
    context = model_admin.admin_site.each_context(request) | {
        "title": form.title,
        "content_title": form.title,
        "opts": model_admin.opts,
        "form": form,
        "back": reverse("admin:inventory_countsheet_changelist"),
    }
    return TemplateResponse(request, "inventory/count_new.html", context)


def _made_once(model_admin: Any, request: HttpRequest, form: NewSheetForm) -> tuple[str, str]:
    """The id of the sheet and its number of lines."""
    made: list[str] = []

    def make() -> once.Answer:
        sheet = form.make()
        model_admin.log_addition(request, sheet, _("Made."))
        made.append(f"{sheet.pk} {sheet.lines.count()}")
        return once.Answer(HTTPStatus.OK, made[-1].encode())

    path = request.path.rstrip("/")
    given = once.apply_once(
        scope=once.Scope(f"staff:{request.user.pk}", "POST", path, form.cleaned_data["once"].hex),
        fingerprint=once.fingerprint("POST", path, [], form.entered()),
        apply=make,
    )
    sheet_id, lines = (given.body.decode() if given else made[-1]).split()
    return sheet_id, lines
