"""Forms that check the shape of what staff enter, and leave the rest to operations."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError

from common.api.fields import is_printable
from common.backoffice.refusals import sentences

if TYPE_CHECKING:
    from common.errors import DomainError


class OperationForm(forms.ModelForm):
    """A model's form whose values go to an operation.

    The operation decides what may be, also when several people decide at once; so nothing is
    asked of the database here. What it refuses comes back as ``refusal`` and is shown on the
    fields that it is about. ``seen_version`` is the version that stood on the page.
    """

    refusal: DomainError | None = None
    seen_version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "seen_version" not in self.fields:
            return
        if self.instance._state.adding:  # noqa: SLF001  Django's only way to ask
            del self.fields["seen_version"]
        else:
            self.initial["seen_version"] = self.instance.version

    def validate_unique(self) -> None:
        """Left to the operation."""

    def validate_constraints(self) -> None:
        """Left to the operation, which may put a value into its right form first."""

    def clean(self) -> dict[str, Any]:
        for name, value in list(self.cleaned_data.items()):
            if isinstance(value, str):
                self._clean_text(name, value)
        if self.refusal is not None:
            for attribute, sentence in sentences(self.refusal):
                self.add_error(self._field_of(attribute), sentence)
        return self.cleaned_data

    def values(self) -> dict[str, Any]:
        """All that was entered, by the names that operations use."""
        return self._arguments(self.fields)

    def changes(self) -> dict[str, Any]:
        """What was entered and differs, by the names that operations use."""
        return self._arguments(self.changed_data)

    def _arguments(self, names: Any) -> dict[str, Any]:
        cleaned = {name: self.cleaned_data[name] for name in names if name != "seen_version"}
        return {
            self._argument(name): getattr(value, "pk", value) for name, value in cleaned.items()
        }

    def _argument(self, name: str) -> str:
        """``category`` is chosen on the form; ``category_id`` is what the operation takes."""
        is_related = isinstance(self.fields[name], forms.ModelChoiceField)
        return f"{name}_id" if is_related else name

    def _field_of(self, attribute: str | None) -> str | None:
        return next((name for name in self.fields if self._argument(name) == attribute), None)

    def _clean_text(self, name: str, text: str) -> None:
        """As the API takes text: one form for each letter, and no control characters."""
        plain = unicodedata.normalize("NFC", text.replace("\r\n", "\n"))
        if is_printable(plain):
            self.cleaned_data[name] = plain
        else:
            self.add_error(name, ValidationError("Control characters are not allowed."))
