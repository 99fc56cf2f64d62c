"""The forms of webhook endpoints."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from common.backoffice.forms import OperationForm, StaffForm
from common.backoffice.numbers import WholeNumber
from common.events.types import TYPES
from common.webhooks.models import WebhookEndpoint

HIGHEST = 2**63 - 1


class EndpointForm(OperationForm):
    event_types = forms.MultipleChoiceField(
        label=gettext_lazy("Event types"),
        choices=[(name, name) for name in TYPES],
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=gettext_lazy(
            "What it is told of. None chosen: everything, also what is to come."
        ),
    )

    class Meta:
        model = WebhookEndpoint
        fields = ("url", "description", "event_types", "is_active")
        labels = {"url": "URL", "is_active": gettext_lazy("Active")}
        help_texts = {
            "url": gettext_lazy(
                "https://… Events are sent there by POST, signed as Standard Webhooks has it."
            ),
            "description": gettext_lazy("Whose it is, for your colleagues."),
            "is_active": gettext_lazy(
                "What happens while it is off can be sent afterwards, by its numbers."
            ),
        }


class ReplayForm(StaffForm, forms.Form):
    """A stretch of the feed."""

    first_sequence = WholeNumber(
        label=gettext_lazy("From event number"), min_value=1, max_value=HIGHEST
    )
    last_sequence = WholeNumber(
        label=gettext_lazy("To event number"),
        min_value=1,
        max_value=HIGHEST,
        help_text=gettext_lazy("Both are sent too. At most 100 000 events at once."),
    )

    def __init__(self, data: Any = None, *, last: int = 0) -> None:
        """``last``: the sequence of the newest event, as a start."""
        super().__init__(data, initial={"last_sequence": last or None})
