"""A QR code as a picture in the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.utils.html import format_html
from django.utils.translation import gettext as _
from reportlab.graphics.barcode.qr import QrCodeWidget

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

MARGIN: Final = 4
"""Modules of quiet around it, without which no camera finds it."""


def qr_code(text: str) -> SafeString:
    """The text as SVG: black on white, in dark mode too."""
    code = QrCodeWidget(text).qr
    code.make()
    side = code.getModuleCount()
    dark = "".join(
        f"M{column} {row}h1v1h-1z"
        for row in range(side)
        for column in range(side)
        if code.isDark(row, column)
    )
    whole = side + 2 * MARGIN
    return format_html(
        '<svg class="so-qr" role="img" aria-label="{}" viewBox="-{} -{} {} {}">'
        '<rect x="-{}" y="-{}" width="100%" height="100%" fill="#fff"/><path d="{}"/></svg>',
        _("QR code for your authenticator app"),
        *(MARGIN, MARGIN, whole, whole, MARGIN, MARGIN, dark),
    )
