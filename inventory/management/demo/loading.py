"""Writing the demo, through the same operations as everybody else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import connection

from common.database import database_now, in_transaction
from inventory import operations, rules
from inventory.management.demo import marking
from inventory.management.demo.catalogue import ARTICLES, CATEGORIES, Article
from inventory.management.demo.month import DEPOT, Kind, Step, month
from inventory.models import Location, StockLevel
from inventory.querysets import DEFAULT_LOCATION
from products.models import Category, Product
from products.operations import create_category, create_product

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from uuid import UUID

SEEDING: Final = 0x64656D6F  # names the advisory lock: two seeders at once load the demo once


def may_load() -> bool:
    """Whether nobody has put anything here yet. Waits for a seeder that is at work."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [SEEDING])
    is_used = (
        Product.objects.exists()
        or Category.objects.exists()
        or Location.objects.exclude(code=DEFAULT_LOCATION).exists()
    )
    return not is_used


@in_transaction
def load(image_base: str, watched: Callable[[list[Step]], Iterable[Step]]) -> bool:
    """Load all of the demo and mark the database; False, and nothing, where there is data.

    ``watched`` is given the steps and yields them again: it may show how far they are.
    """
    if not may_load():
        return False
    products = _fill_catalogue(image_base)
    Location.objects.default()
    operations.create_location(code=DEPOT, name="North depot", priority=200)
    midnight = database_now().replace(hour=0, minute=0, second=0, microsecond=0)
    for step in watched(month(ARTICLES, midnight)):
        _carry_out(step, products[step.sku])
    _set_reorder_points()
    marking.mark()
    return True


def _fill_catalogue(image_base: str) -> dict[str, UUID]:
    """The id of each product, by its SKU."""
    categories: dict[str | None, UUID | None] = {None: None}
    for name, parent in CATEGORIES.items():
        categories[name] = create_category(name=name, parent_id=categories[parent]).pk
    return {
        article.sku: create_product(
            sku=article.sku,
            name=article.name,
            description=article.description,
            price=article.price,
            barcode=article.barcode,
            images=[f"{image_base.rstrip('/')}/{article.image}"],
            category_id=categories[article.category],
        ).pk
        for article in ARTICLES
    }


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
    for level in StockLevel.objects.filter(location__code=DEFAULT_LOCATION).select_related(
        "product"
    ):
        article = by_sku[level.product.sku]
        operations.set_reorder_settings(
            stock_level_id=level.pk,
            changes={
                "reorder_point": article.reorder_point,
                "reorder_quantity": article.delivery or None,
                "safety_stock": article.reorder_point // 4,
            },
        )
