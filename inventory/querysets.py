"""Chainable reads of stock, and the one spelling of the lock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self
from uuid import UUID

from django.db import models
from django.db.models import F

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inventory.models import Location, StockLevel, StockMovement

DEFAULT_LOCATION: Final = "main"


class LocationQuerySet(models.QuerySet["Location"]):
    def default(self) -> Location:
        """The location that is meant when none is named; it always exists."""
        location, _ = self.get_or_create(code=DEFAULT_LOCATION, defaults={"name": "Main"})
        return location

    def named(self, code_or_id: str) -> Location | None:
        """The location with this code, or with this id."""
        by_code = self.filter(code=code_or_id.lower())
        return by_code.first() or self.with_id(code_or_id)

    def with_id(self, text: str) -> Location | None:
        try:
            return self.filter(pk=UUID(text)).first()
        except ValueError:
            return None

    def locked(self) -> Self:
        """Lock the matching rows until the transaction ends, in primary-key order.

        Against new stock levels too: they take a key-share lock on their location.
        """
        return self.order_by("pk").select_for_update(of=("self",))


class StockLevelQuerySet(models.QuerySet["StockLevel"]):
    def of_living_products(self) -> Self:
        return self.filter(product__deleted_at=None)

    def for_products(self, product_ids: Iterable[UUID]) -> Self:
        return self.filter(product__in=set(product_ids))

    def low(self) -> Self:
        """At or below the reorder point."""
        return self.filter(reorder_point__isnull=False, available__lte=F("reorder_point"))

    def locked(self) -> Self:
        """Lock the matching rows until the transaction ends, in primary-key order.

        The only way to lock stock: one order everywhere means no deadlocks. Locks the stock rows
        alone, not the joined product or location.
        """
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)


class StockMovementQuerySet(models.QuerySet["StockMovement"]):
    def newest_first(self) -> Self:
        return self.order_by("-pk")
