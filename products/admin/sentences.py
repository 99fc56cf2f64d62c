"""What the catalogue's operations and rules say to staff."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_noop as _

SENTENCES: Final = (
    _("Use 1 to 64 letters, digits and - _ . / only."),
    _("A barcode has 8, 12, 13 or 14 digits."),
    _("The check digit of this barcode is wrong."),
    _("A price is above 0 and at most %(most)s."),
    _("An image is a URL without spaces, of at most 2048 characters."),
    _("An image is an http or https URL."),
    _("An image's URL has no user information."),
    _("This is no URL."),
    _("A category cannot be below itself."),
    _("Categories are at most %(most)s levels deep."),
    _("Move its products and sub-categories elsewhere first."),
    _("There is no such product."),
    _("There is no such category."),
    _("Give a slug: none can be made from this name."),
)
