"""Writing the small shop, through the same operations as everybody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inventory import operations, rules
from inventory.management.demo.catalogue import ARTICLES, CATEGORIES, Article
from inventory.management.demo.month import DEPOT, Kind, Step
from inventory.models import Location, StockLevel
from inventory.querysets import DEFAULT_LOCATION
from products.operations import create_category, create_product

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from inventory.management.demo.watching import Watch


def make_categories() -> dict[str | None, UUID | None]:
    """The id of each by its name; above the first ones there is none."""
    categories: dict[str | None, UUID | None] = {None: None}
    for name, parent in CATEGORIES.items():
        categories[name] = create_category(name=name, parent_id=categories[parent]).pk
    return categories


def make_locations() -> tuple[UUID, UUID]:
    """The ids of the main location and of the depot."""
    depot = operations.create_location(code=DEPOT, name="North depot", priority=200)
    return Location.objects.default().pk, depot.pk


def movements_of(story: Sequence[Step]) -> int:
    """How many lines of the ledger a story becomes; a transfer has two."""
    return sum(2 if step.kind is Kind.TRANSFER else 1 for step in story)


def fill(
    story: Sequence[Step],
    categories: Mapping[str | None, UUID | None],
    image_base: str,
    watched: Watch,
) -> None:
    """List the articles, and let happen to them what the story says."""
    products = {
        article.sku: create_product(
            sku=article.sku,
            name=article.name,
            description=article.description,
            price=article.price,
            barcode=article.barcode,
            images=[f"{image_base}/{article.image}"],
            category_id=categories[article.category],
        ).pk
        for article in ARTICLES
    }
    with watched("steps", len(story)) as bar:
        for step in story:
            _carry_out(step, products[step.sku])
            bar.update()
    _set_reorder_points()


def _carry_out(step: Step, product_id: UUID) -> None:
    match step.kind:
        case Kind.OPENING:
            operations.open_inventory(
                product_id=product_id,
                quantity=step.quantity,
                location=step.location,
                at=step.at,
            )
        case Kind.TRANSFER:
            operations.transfer_stock(
                product_id=product_id,
                from_location=step.location,
                to_location=DEPOT,
                quantity=step.quantity,
                reference=step.reference,
                at=step.at,
            )
        case _:
            operations.adjust_stock(changes=[_change(step, product_id)], at=step.at)


def _change(step: Step, product_id: UUID) -> rules.Change:
    is_count = step.kind is Kind.COUNT
    goes = step.kind in {Kind.SALE, Kind.DAMAGE}
    delta = -step.quantity if goes else step.quantity
    return rules.Change(
        product_id,
        delta=None if is_count else delta,
        count=step.quantity if is_count else None,
        expected=step.on_hand if is_count else None,
        location=step.location,
        reason=None if is_count else step.kind,
        reference=step.reference,
        note=step.note,
    )


def _set_reorder_points() -> None:
    by_sku: dict[str, Article] = {article.sku: article for article in ARTICLES}
    levels = StockLevel.objects.filter(location__code=DEFAULT_LOCATION, product__sku__in=by_sku)
    for level in levels.select_related("product"):
        article = by_sku[level.product.sku]
        operations.set_reorder_settings(
            stock_level_id=level.pk,
            changes={
                "reorder_point": article.reorder_point,
                "reorder_quantity": article.delivery or None,
                "safety_stock": article.reorder_point // 4,
            },
        )
