"""Forms that check the shape of what staff enter, and leave the rest to operations."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from common.api.fields import is_printable
from common.backoffice.refusals import sentences
from common.errors import Duplicate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from common.errors import DomainError


class StaffForm(forms.BaseForm):
    """Takes text as the API takes it, and shows refusals where they belong."""

    def clean(self) -> dict[str, Any]:
        for name, value in list(self.cleaned_data.items()):
            if isinstance(value, str):
                self._clean_text(name, value)
        return self.cleaned_data

    def refuse(self, refusal: DomainError) -> None:
        """Show what an operation said, each sentence at the field that it is about."""
        told = zip(refusal.problems, sentences(refusal), strict=True)
        for problem, (attribute, sentence) in told:
            name = self._field_of(attribute)
            if name and isinstance(problem, Duplicate):
                self.refuse_taken(name)
            else:
                self.add_error(name, sentence)

    def refuse_taken(self, name: str) -> None:
        """Another row has this field's value; the field goes by the name that staff see."""
        label = str(self[name].label)
        told = _("This %(label)s is taken.")
        self.add_error(name, told % {"label": label if label.isupper() else label.lower()})

    def _field_of(self, attribute: str | None) -> str | None:
        """The field that staff see for an operation's input; None for the form as a whole."""
        fields = (name for name in self.fields if self._argument(name) == attribute)
        name = next(fields, None)
        return None if name is None or self[name].is_hidden else name

    def _argument(self, name: str) -> str:
        """``category`` is chosen on the form; ``category_id`` is what the operation takes."""
        is_related = isinstance(self.fields[name], forms.ModelChoiceField)
        return f"{name}_id" if is_related else name

    def _clean_text(self, name: str, text: str) -> None:
        """One form for each letter, and no control characters."""
        plain = unicodedata.normalize("NFC", text.replace("\r\n", "\n"))
        if is_printable(plain):
            self.cleaned_data[name] = plain
        else:
            self.add_error(name, ValidationError(_("Control characters are not allowed.")))


class OperationForm(StaffForm, forms.ModelForm):
    """A model's form whose values go to an operation.

    The operation decides what may be, also when several people decide at once; so nothing is
    asked of the database here. ``refusal`` is what it said to this very form when it was tried.
    ``seen_version`` is the version that stood on the page.
    """

    refusal: DomainError | None = None
    seen_version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "seen_version" not in self.fields:
            return
        if self.is_new:
            del self.fields["seen_version"]
        else:
            self.initial["seen_version"] = self.instance.version

    @property
    def is_new(self) -> bool:
        """The form adds a row, and does not change one."""
        return bool(self.instance._state.adding)  # noqa: SLF001  Django's only way to ask

    def _post_clean(self) -> None:
        """The row stays as it is, and is asked nothing: both are the operation's business."""

    def clean(self) -> dict[str, Any]:
        super().clean()
        if self.refusal is not None:
            self.refuse(self.refusal)
        return self.cleaned_data

    def values(self) -> dict[str, Any]:
        """All that was entered, by the names that operations use."""
        return self._arguments(self.fields)

    def changes(self) -> dict[str, Any]:
        """What was entered and differs, by the names that operations use."""
        return self._arguments(self.changed_data)

    def _arguments(self, names: Iterable[str]) -> dict[str, Any]:
        return {
            self._argument(name): getattr(self.cleaned_data[name], "pk", self.cleaned_data[name])
            for name in names
            if name != "seen_version"
        }
