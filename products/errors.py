"""Refusals of the catalogue."""

from common.errors import DomainError


class ProductReserved(DomainError):
    """A product that is promised to open reservations cannot be deleted."""

    code = "product_reserved"
    status = 409


class CategoryInUse(DomainError):
    """A category that has products or sub-categories cannot be deleted."""

    code = "category_in_use"
    status = 409
