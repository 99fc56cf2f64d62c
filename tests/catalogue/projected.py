"""Bringing the documents up to date, as the projector's process does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalogue.models import Document
from catalogue.naming import Names
from catalogue.projecting import project

if TYPE_CHECKING:
    from products.models import Product


def project_all() -> int:
    Names().take_over()
    total = 0
    while count := project():
        total += count
    return total


def document_of(product: Product) -> Document:
    return Document.objects.get(pk=product.pk)
