"""What atomic operations lock of stock before the first of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from common.api.atomic.mentions import ids, texts
from inventory.operations.beforehand import Concerned, lock_stock

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Sequence
    from uuid import UUID

    from common.api.atomic.mentions import Mention

PLACES: Final = ("location", "from_location", "to_location")


def lock_mentioned(mentions: Sequence[Mention]) -> Collection[Hashable]:
    """Lock the locations, orders, reservations and stock that operations are about."""
    of_stock = [one for one in mentions if one.type not in {"products", "categories"}]
    named = [inputs for one in of_stock for inputs in one.named]
    held = [one.inputs for one in of_stock if one.type == "reservations"]
    return lock_stock(
        Concerned(
            product_ids=_targets(of_stock, "inventory")
            | _removed(mentions)
            | ids(named, "product_id", "product"),
            skus=texts(named, "sku"),
            places=texts(named, *PLACES),
            place_ids=ids(named, *PLACES),
            order_references=texts(held, "order_reference"),
            changed_locations=_targets(of_stock, "locations"),
            codes_stay=not any(_ends_a_code(one) for one in of_stock),
            levels=_targets(of_stock, "stock-levels"),
            movements=_targets(of_stock, "stock-movements"),
            transfers=_targets(of_stock, "transfers"),
            batches=_targets(of_stock, "batches"),
            reservations=_targets(of_stock, "reservations"),
        )
    )


def _targets(mentions: Sequence[Mention], kind: str) -> set[UUID]:
    return {one.id for one in mentions if one.type == kind and one.id}


def _removed(mentions: Sequence[Mention]) -> set[UUID]:
    """Products that go, for which their stock is held (``refuse_if_reserved``)."""
    return _targets([one for one in mentions if one.action == "destroy"], "products")


def _ends_a_code(mention: Mention) -> bool:
    is_changed = mention.type == "locations" and mention.id is not None
    return is_changed and (mention.action == "destroy" or "code" in mention.inputs)
