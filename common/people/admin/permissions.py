"""Permissions by their names, in the language of whoever gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy as _

from common.backoffice.sentences import translated

if TYPE_CHECKING:
    from django.contrib.auth.models import Permission

WORDS: Final = {
    "add": _("Can add %(name)s"),
    "change": _("Can change %(name)s"),
    "delete": _("Can delete %(name)s"),
    "view": _("Can view %(name)s"),
}


def in_words(permission: Permission) -> str:
    """``Stock | batch | Can receive a batch``. The database has the names in English."""
    kind = permission.content_type
    verb, _separator, model = permission.codename.partition("_")
    if verb in WORDS and model == kind.model:
        told = str(WORDS[verb] % {"name": kind.name})
    else:
        told = translated(permission.name)
    return f"{kind} | {told}"
