"""Fields for numbers, read as people type them.

They are text to the browser: in a field of type ``number`` it drops a comma without a word, and
``12,50`` becomes 1250.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

if TYPE_CHECKING:
    from decimal import Decimal

WHOLE: Final = re.compile(r"-?[0-9]{1,18}")
AMOUNT: Final = re.compile(r"-?[0-9]{1,18}(?:[.,][0-9]{1,18})?")


class WholeNumber(forms.IntegerField):
    """Digits alone: what a point or comma means differs from one reader to the next."""

    default_error_messages = {"invalid": _("Enter a whole number: digits alone.")}

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"widget": number_input("numeric")} | options)

    def to_python(self, value: Any) -> int | None:
        text = str(value if value is not None else "").strip()
        if text and not WHOLE.fullmatch(text):
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(text)


class Amount(forms.DecimalField):
    """An amount of money; a comma before its cents is as good as a point."""

    default_error_messages = {"invalid": _("Enter an amount like 12.50, without thousands marks.")}

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"widget": number_input("decimal")} | options)

    def to_python(self, value: Any) -> Decimal | None:  # type: ignore[override]  # as its base
        text = str(value if value is not None else "").strip()
        if text and not AMOUNT.fullmatch(text):
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(text.replace(",", "."))


def number_input(keys: str, **attrs: Any) -> UnfoldAdminTextInputWidget:
    """A text field for which telephones show ``keys``: ``numeric`` or ``decimal``."""
    return UnfoldAdminTextInputWidget({"inputmode": keys, "autocomplete": "off"} | attrs)
