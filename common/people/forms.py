"""The forms by which staff log in and look after their account."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core import signing
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from common.backoffice.forms import StaffForm

KEY_SALT = "common.people.key"
HOUR = 3_600


def _code_input(**attrs: Any) -> UnfoldAdminTextInputWidget:
    return UnfoldAdminTextInputWidget(
        {"autocomplete": "one-time-code", "spellcheck": "false"} | attrs
    )


class CodeForm(StaffForm, forms.Form):
    """The second step of the login; ``proof`` says that the password was right."""

    proof = forms.CharField(widget=forms.HiddenInput)
    code = forms.CharField(
        label=_("Code"),
        max_length=32,
        widget=_code_input(autofocus=True),
        help_text=_("Six digits from your authenticator app, or one of your recovery codes."),
    )


class SetUpForm(StaffForm, forms.Form):
    """A new authenticator app; ``sealed`` is the secret that stands on the page, signed."""

    sealed = forms.CharField(widget=forms.HiddenInput)
    code = forms.CharField(
        label=_("Code"),
        max_length=6,
        widget=_code_input(inputmode="numeric"),
        help_text=_("The six digits that the app shows now."),
    )

    def clean_sealed(self) -> str:
        """The secret itself, hexadecimal."""
        try:
            told: str = signing.loads(self.cleaned_data["sealed"], salt=KEY_SALT, max_age=HOUR)
        except signing.BadSignature:
            raise forms.ValidationError(_("This page is too old. Open it anew.")) from None
        return told


class ConfirmationForm(StaffForm, forms.Form):
    """Password and code once more, before something that weakens an account."""

    password = forms.CharField(
        label=_("Password"),
        strip=False,
        widget=UnfoldAdminPasswordWidget({"autocomplete": "current-password"}),
    )
    code = forms.CharField(
        label=_("Code"),
        max_length=32,
        widget=_code_input(),
        help_text=_("Six digits from your authenticator app, or one of your recovery codes."),
    )
