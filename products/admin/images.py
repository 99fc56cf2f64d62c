"""Pictures of products on the pages of the back office."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from unfold.widgets import UnfoldAdminTextareaWidget

from common.backoffice.sentences import translated
from common.errors import Invalid
from products import rules

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

    from products.models import Product


class ImagesField(forms.CharField):
    """A list of addresses, one on each line; what is wrong with them is told with all the rest."""

    def __init__(self, **kwargs: Any) -> None:
        widget = UnfoldAdminTextareaWidget(attrs={"rows": 3, "spellcheck": "false"})
        super().__init__(widget=widget, required=False, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: str | None) -> list[str]:  # type: ignore[override]
        lines = (line.strip() for line in (value or "").splitlines())
        return [line for line in lines if line]

    def validate(self, value: list[str]) -> None:
        super().validate(value)
        if len(value) > rules.MAX_IMAGES:
            raise ValidationError(_("At most %(most)s images.") % {"most": rules.MAX_IMAGES})
        try:
            for url in value:
                rules.image(url)
        except Invalid as refusal:
            raise ValidationError(translated(refusal.detail)) from refusal

    def has_changed(self, initial: list[str] | None, data: str | None) -> bool:
        return self.to_python(data) != (initial or [])


def thumbnail(product: Product) -> SafeString:
    """The first picture, in a frame of its own size: one that is missing breaks no row."""
    return _framed(product.images[:1], size="so-thumbnail")


def pictures(product: Product) -> SafeString:
    """All pictures, small."""
    return format_html_join(
        " ", "{}", ((_framed([url], size="so-picture"),) for url in product.images)
    )


def _framed(urls: list[str], *, size: str) -> SafeString:
    picture = format_html_join(
        "",
        '<img src="{}" alt="" loading="lazy" referrerpolicy="no-referrer" onerror="this.remove()">',
        ((_here(url),) for url in urls),
    )
    return format_html('<span class="{}">{}</span>', size, picture)


def _here(url: str) -> str:
    """Where this page finds a picture: the demo's are ours, by whatever name we are called."""
    path = urlsplit(url).path
    return path if path.startswith(f"{settings.STATIC_URL}products/demo/") else url
