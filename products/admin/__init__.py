"""The catalogue in the back office."""

from common.backoffice.sentences import know
from products.admin.categories import CategoryAdmin
from products.admin.products import ProductAdmin
from products.admin.sentences import SENTENCES

__all__ = ["CategoryAdmin", "ProductAdmin"]

know(SENTENCES)
