"""Small pieces of pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.timezone import localtime

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import Model
    from django.utils.safestring import SafeString


def moment(instant: datetime | None) -> SafeString | None:
    """An instant, short enough for a list; a script puts it into the reader's own time zone."""
    if instant is None:
        return None
    local = localtime(instant)
    return format_html(
        '<time class="so-nowrap" datetime="{}" title="{}">{}</time>',
        instant.isoformat(),
        date_format(local, "j M Y, H:i:s T"),
        date_format(local, "j M Y, H:i"),
    )


def link(row: Model, text: object) -> SafeString:
    """A link to the page of a row."""
    meta = row._meta  # noqa: SLF001  public in all but its name
    address = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])
    return format_html('<a class="so-link" href="{}">{}</a>', address, text)


def label(text: object, *, tone: str, reason: object = "") -> SafeString:
    """A word or figure with a colour, and the reason for it on hover.

    ``tone``: ``good``, ``low``, ``out``, ``note``, ``plain`` or ``quiet``.
    """
    return format_html('<span class="so-label so-{}" title="{}">{}</span>', tone, reason, text)


def figure(number: int) -> SafeString:
    """A number of units; none at all recedes."""
    tone = "so-figure" if number else "so-figure so-quiet"
    return format_html('<span class="{}">{}</span>', tone, number)


def two_lines(first: object, second: object) -> SafeString:
    """What matters, and under it in small letters what it is also known by."""
    return format_html(
        '<span class="so-first">{}</span><span class="so-second">{}</span>', first, second or ""
    )
