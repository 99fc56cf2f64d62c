"""The fields of the forms that change stock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy

from common.api.fields import MAX_QUANTITY
from common.backoffice.numbers import WholeNumber, number_input
from products.rules import is_barcode

if TYPE_CHECKING:
    from collections.abc import Mapping

EFFECTS: Final = {
    "receipt": (1, "receipt"),
    "return": (1, "return"),
    "adjustment_up": (1, "adjustment"),
    "sale": (-1, "sale"),
    "damage": (-1, "damage"),
    "adjustment_down": (-1, "adjustment"),
}
"""For each kind of adjustment its direction and the reason that the ledger keeps."""

KINDS: Final = [
    (
        gettext_lazy("Adds"),
        [
            ("receipt", gettext_lazy("Receipt")),
            ("return", gettext_lazy("Return")),
            ("adjustment_up", gettext_lazy("Adjustment up")),
        ],
    ),
    (
        gettext_lazy("Takes away"),
        [
            ("sale", gettext_lazy("Sale")),
            ("damage", gettext_lazy("Damage")),
            ("adjustment_down", gettext_lazy("Adjustment down")),
        ],
    ),
]

MOST_UNITS: Final = f"{MAX_QUANTITY:,}".replace(",", "\u00a0")


class Choices(forms.RadioSelect):
    """All choices in sight, in their groups, each large enough for a thumb."""

    template_name = "inventory/choices.html"

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **kwargs)
        if value in EFFECTS:
            option["attrs"]["data-sign"] = EFFECTS[value][0]
        return option


class Units(WholeNumber):
    """A number of units. A scanner types into the field that has the focus, and sends the form."""

    default_error_messages = {
        "invalid": gettext_lazy("Enter a whole number of units: digits alone."),
        "max_value": gettext_lazy("That is too many. Was a code scanned into this field?"),
        "code": gettext_lazy(
            "Was a code scanned into this field? %(digits)s looks like a barcode, and units are at"
            " most %(most)s."
        ),
        "short_code": gettext_lazy(
            "Was a code scanned into this field? %(digits)s reads as a barcode. So many units can"
            " be booked in two parts."
        ),
    }

    def __init__(self, *, attrs: Mapping[str, Any] | None = None, **options: Any) -> None:
        widget = number_input("numeric", **(attrs or {}))
        super().__init__(max_value=MAX_QUANTITY, widget=widget, **options)

    def to_python(self, value: Any) -> int | None:
        digits = str(value).strip()
        if is_barcode(digits):
            kind = "code" if int(digits) > MAX_QUANTITY else "short_code"
            raise ValidationError(
                self.error_messages[kind], kind, {"digits": digits, "most": MOST_UNITS}
            )
        return super().to_python(value)
