"""The forms of imports: bring a file in, apply it, take it back."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldBooleanWidget,
)

from common.backoffice.forms import StaffForm
from common.importing.lines import MOST_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.core.files.uploadedfile import UploadedFile

    from common.importing.kinds import Kind
    from common.importing.models import Import


class UploadForm(StaffForm, forms.Form):
    """A file to be checked; ``once`` becomes its id, so that sending twice keeps it once."""

    kind = forms.ChoiceField(
        label=gettext_lazy("What is in the file"), widget=UnfoldAdminRadioSelectWidget
    )
    file = forms.FileField(
        label=gettext_lazy("File"),
        help_text=gettext_lazy("CSV or XLSX, at most 10 MB and 50 000 rows."),
        widget=UnfoldAdminFileFieldWidget({"accept": ".csv,.txt,.tsv,.xlsx"}),
    )
    once = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, data: Any = None, files: Any = None, *, offered: Sequence[Kind]) -> None:
        super().__init__(data, files, initial={"once": uuid4()})
        kind: Any = self.fields["kind"]
        kind.choices = [(each.name, each.title) for each in offered]

    def clean_file(self) -> UploadedFile:
        file: UploadedFile = self.cleaned_data["file"]
        if (file.size or 0) > MOST_BYTES:
            raise ValidationError(_("It has more than 10 MB: divide it."))
        if PurePath(file.name or "").suffix.lower() in {".xls", ".xlsb", ".ods", ".numbers"}:
            raise ValidationError(_("Save it as XLSX or CSV first: this form cannot be read."))
        return file

    @property
    def import_id(self) -> UUID:
        return self.cleaned_data["once"]


class ApplyForm(StaffForm, forms.Form):
    """The rows that are right; wrong ones are left out only where somebody says so."""

    leaves_out_wrong = forms.BooleanField(required=False, widget=UnfoldBooleanWidget)

    def __init__(self, data: Any = None, *, file: Import) -> None:
        super().__init__(data)
        self.file = file
        wrong = file.figures.get("wrong", 0)
        box = self.fields["leaves_out_wrong"]
        box.label = ngettext(
            "Leave out the %(count)s row that is wrong",
            "Leave out the %(count)s rows that are wrong",
            wrong,
        ) % {"count": wrong}
        if not wrong:
            del self.fields["leaves_out_wrong"]

    @property
    def leaves_out(self) -> bool:
        return bool(self.cleaned_data.get("leaves_out_wrong"))
