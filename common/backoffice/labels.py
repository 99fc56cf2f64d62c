"""Pages that print labels for rows of a list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldBooleanWidget

from common.backoffice.forms import StaffForm
from common.backoffice.numbers import WholeNumber
from common.labels import PAPERS, Label, fits, pdf

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from django.db.models import Model, QuerySet

MOST: Final = 1_000
PAPER_NAMES: Final = [
    ("62x29", gettext_lazy("Roll, 62 x 29 mm")),
    ("100x50", gettext_lazy("Roll, 100 x 50 mm")),
    ("a4-24", gettext_lazy("A4 sheet, 3 x 8 labels of 70 x 37 mm")),
    ("a4-14", gettext_lazy("A4 sheet, 2 x 7 labels of 99 x 38 mm")),
    ("letter-30", gettext_lazy("US Letter sheet, 3 x 10 labels of 2⅝ x 1 in (5160)")),
]
CODE: Final = "code"
PAGE: Final = "page"


class LabelForm(StaffForm, forms.Form):
    """Which labels, how many, and on what; ``chosen`` names the rows."""

    title = gettext_lazy("Print labels")
    button = gettext_lazy("Make the PDF")

    paper = forms.ChoiceField(
        choices=PAPER_NAMES, label=gettext_lazy("Labels"), widget=UnfoldAdminSelectWidget
    )
    copies = WholeNumber(
        min_value=1, max_value=MOST, initial=1, label=gettext_lazy("Copies of each")
    )
    as_on_hand = forms.BooleanField(
        required=False,
        widget=UnfoldBooleanWidget,
        label=gettext_lazy("As many as are on hand instead"),
    )
    start = WholeNumber(
        min_value=1,
        initial=1,
        label=gettext_lazy("First place on the sheet"),
        help_text=gettext_lazy(
            "Of a sheet that has been used: from left to right, then the next row."
        ),
    )
    qr = forms.ChoiceField(
        choices=[
            (CODE, gettext_lazy("The same code as the bars")),
            (PAGE, gettext_lazy("The address of its page here")),
        ],
        label=gettext_lazy("QR code"),
        widget=UnfoldAdminSelectWidget,
    )
    chosen = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, rows: Sequence[Model], is_stock: bool) -> None:
        super().__init__(data)
        self.rows = rows
        self.initial["chosen"] = " ".join(str(row.pk) for row in rows)
        if not is_stock:
            del self.fields["as_on_hand"]
        if not settings.PUBLIC_URL:
            del self.fields["qr"]

    def clean(self) -> dict[str, Any]:
        values = super().clean()
        paper = PAPERS.get(values.get("paper", ""))
        if paper and values.get("start", 1) > paper.per_page:
            said = _("These labels have %(places)s places on a sheet.")
            self.add_error("start", said % {"places": paper.per_page})
        return values

    def refuse_number(self, total: int) -> bool:
        """Say so where there would be no labels at all, or more than are printed at once."""
        if total == 0:
            self.add_error(None, _("None of it is on hand: there are no labels to print."))
        elif total > MOST:
            said = _("That would be %(total)s labels. At most %(most)s are printed at once.")
            self.add_error(None, said % {"total": total, "most": MOST})
        return not 0 < total <= MOST


class LabelAdmin(ModelAdmin):
    """A list whose rows have labels: printed for those selected, or from a row's own page."""

    actions_detail: ClassVar[Sequence[Any]] = ("print_labels",)
    labels_are_of_stock: ClassVar[bool] = True
    """Whether as many can be printed as units are on hand."""

    def label_of(self, row: Any, qr: str) -> Label:
        """What a row's label says; ``qr`` is the address of its page, or empty for its code."""
        raise NotImplementedError

    def rows_to_label(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """The rows with what their labels need, in the order of printing."""
        raise NotImplementedError

    def on_hand_of(self, rows: Collection[Any]) -> Mapping[Any, int]:
        """Units on hand by the rows' keys."""
        return {}

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        name = "labels"
        label = str(gettext_lazy("Print labels"))
        own = {} if "_popup" in request.GET else {name: (_labels_of_selected, name, label)}
        return super().get_actions(request) | own

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.labels_view)
        name = f"{self.opts.app_label}_{self.opts.model_name}_labels"
        return [path("print-labels/", view, name=name), *super().get_urls()]

    @action(
        description=gettext_lazy("Print labels"),
        url_path="labels",
        icon="print",
        permissions=["view"],
    )
    def print_labels(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        return self.labels_page(request, [row.pk])

    def labels_view(self, request: HttpRequest) -> HttpResponse:
        """The labels as a PDF, or the form with what is wrong with it."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return redirect(self._list_address())
        return self.labels_page(request, _ids(request.POST.get("chosen", "")), request.POST)

    def labels_page(
        self, request: HttpRequest, chosen: Iterable[UUID], data: Any = None
    ) -> HttpResponse:
        rows = list(self.rows_to_label(self.model._default_manager.filter(pk__in=list(chosen))))  # noqa: SLF001
        if not rows:
            return redirect(self._list_address())
        form = LabelForm(data, rows=rows, is_stock=self.labels_are_of_stock)
        if form.is_valid():
            copies = self._copies(form)
            if not form.refuse_number(sum(copies.values())):
                request.session["labels"] = form.cleaned_data["paper"]
                return self._pdf(form, copies)
        form.initial["paper"] = request.session.get("labels", PAPER_NAMES[0][0])
        return TemplateResponse(request, "common/labels.html", self._context(request, form))

    def _copies(self, form: LabelForm) -> dict[Any, int]:
        if form.cleaned_data.get("as_on_hand"):
            on_hand = self.on_hand_of(form.rows)
            return {row.pk: on_hand.get(row.pk, 0) for row in form.rows}
        return {row.pk: form.cleaned_data["copies"] for row in form.rows}

    def _pdf(self, form: LabelForm, copies: Mapping[Any, int]) -> HttpResponse:
        values = form.cleaned_data
        labels = [
            (self.label_of(row, self._address(row) if values.get("qr") == PAGE else ""), many)
            for row in form.rows
            if (many := copies[row.pk])
        ]
        document = pdf(labels, PAPERS[values["paper"]], start=values["start"])
        headers = {"Content-Disposition": 'inline; filename="labels.pdf"'}
        return HttpResponse(document, content_type="application/pdf", headers=headers)

    def _context(self, request: HttpRequest, form: LabelForm) -> dict[str, Any]:
        paper = PAPERS.get(str(form["paper"].value()), PAPERS["62x29"])
        labels = [self.label_of(row, "") for row in form.rows]
        own = f"admin:{self.opts.app_label}_{self.opts.model_name}"
        only = form.rows[0] if len(form.rows) == 1 else None
        return self.admin_site.each_context(request) | {
            "title": form.title,
            "content_title": form.title,
            "opts": self.opts,
            "form": form,
            "labels": labels,
            "too_long": [label.code for label in labels if not fits(label.code, paper)],
            "action": reverse(f"{own}_labels"),
            "back": reverse(f"{own}_change", args=[only.pk]) if only else self._list_address(),
        }

    def _address(self, row: Any) -> str:
        own = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
        return f"{settings.PUBLIC_URL}{reverse(own, args=[row.pk])}"

    def _list_address(self) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")


def _labels_of_selected(
    model_admin: LabelAdmin, request: HttpRequest, rows: QuerySet[Any]
) -> HttpResponse | None:
    chosen = list(rows.order_by("pk").values_list("pk", flat=True)[: MOST + 1])
    if len(chosen) > MOST:
        said = _("Select at most %(most)s at once: search or filter for fewer.")
        model_admin.message_user(request, said % {"most": MOST}, messages.ERROR)
        return None
    return model_admin.labels_page(request, chosen)


def _ids(text: str) -> Iterable[UUID]:
    """The keys that a form names; nonsense names nothing."""
    for word in text.split()[:MOST]:
        try:
            yield UUID(word)
        except ValueError:
            continue
