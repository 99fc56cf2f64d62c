"""Every write to the catalogue: lock, decide, write, record the event (see docs/locking.md)."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Final, TypeVar

from django.db import connection

from common.bulkhead import lock_queue
from common.database import after_commit, database_now, in_transaction, unless_taken
from common.errors import Invalid, NotFound, VersionMismatch
from common.events.recording import Fact, record
from products import cache, extensions, rules
from products.errors import CategoryInUse
from products.models import Category, Product

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal
    from uuid import UUID

Row = TypeVar("Row", Product, Category)

TREE_LOCK: Final = 0x63617465676F7279  # the name of an advisory lock: "category"

TAKEN = {
    "product_sku_unique": "sku",
    "product_barcode_unique": "barcode",
    "category_slug_unique": "slug",
}


@in_transaction
def create_product(
    *,
    name: str,
    description: str,
    price: Decimal,
    sku: str | None = None,
    images: list[str] | None = None,
    barcode: str | None = None,
    status: str = Product.Status.ACTIVE,
    category_id: UUID | None = None,
) -> Product:
    """Add a product to the catalogue; a SKU is generated when none is given.

    Refuses with Invalid, with NotFound for an unknown category, with Duplicate when a living
    product has the SKU or barcode.

    Locks: its category against deletion (docs/locking.md).
    """
    now = database_now()
    product = Product(
        sku=rules.sku(sku) if sku else rules.generated_sku(),
        name=name,
        description=description,
        price=rules.price(price),
        images=[rules.image(url) for url in images or []],
        barcode=rules.barcode(barcode) if barcode else None,
        status=status,
        category=_category(category_id, "category_id"),
        created_at=now,
        updated_at=now,
    )
    _insert(product)
    record([Fact("product.created", "products", product.pk, {"after": _facts(product)})])
    return product


@in_transaction
def change_product(
    *, product_id: UUID, changes: Mapping[str, Any], expected_version: int | None = None
) -> Product:
    """Change some attributes of a product; values that are the same already are no change.

    Refuses with NotFound, VersionMismatch, Invalid and Duplicate.

    Locks: the product, then its category against deletion (docs/locking.md).
    """
    product = _locked_product(product_id, expected_version)
    before = _facts(product)
    if "category_id" in changes:
        _category(changes["category_id"], "category_id")
    for name, value in changes.items():
        setattr(product, name, _clean(name, value))
    after = _facts(product)
    changed = {name for name in after if after[name] != before[name]}
    if not changed:
        return product
    product.version += 1
    product.updated_at = database_now()
    _update(product, [*changed, "version", "updated_at"])
    data = {
        "before": {name: before[name] for name in sorted(changed)},
        "after": {name: after[name] for name in sorted(changed)},
    }
    record([Fact("product.updated", "products", product.pk, data)])
    after_commit(cache.forget, product.pk)
    return product


@in_transaction
def delete_product(*, product_id: UUID, expected_version: int | None = None) -> None:
    """Take a product out of the catalogue; its row and its ledger stay for staff.

    Its SKU and barcode are free again. Refuses with NotFound, VersionMismatch, and with
    ProductReserved while open reservations promise it.

    Locks: the product (docs/locking.md).
    """
    product = _locked_product(product_id, expected_version)
    for guard in extensions.deletion_guards:
        guard(product)
    product.deleted_at = product.updated_at = database_now()
    product.version += 1
    product.save(update_fields=["deleted_at", "updated_at", "version"])
    record([Fact("product.deleted", "products", product.pk, {"before": _facts(product)})])
    after_commit(cache.forget, product.pk)


@in_transaction
def create_category(
    *, name: str, slug: str | None = None, parent_id: UUID | None = None
) -> Category:
    """Add a category; its slug is made from the name when none is given.

    Refuses with Invalid, with NotFound for an unknown parent, with Duplicate when the slug is
    taken.

    Locks: with a parent, the tree; the parent against deletion (docs/locking.md).
    """
    now = database_now()
    category = Category(
        name=name,
        slug=_slug(slug, name),
        parent=_parent(parent_id),
        created_at=now,
        updated_at=now,
    )
    _insert(category)
    return category


@in_transaction
def change_category(
    *, category_id: UUID, changes: Mapping[str, Any], expected_version: int | None = None
) -> Category:
    """Rename or move a category. Refuses as creating does, and a loop in the tree.

    Locks: the tree for another parent, the category, the parent against deletion (docs/locking.md).
    """
    wanted = dict(changes)
    if "parent_id" in wanted:
        _lock_tree()
    category = _locked_category(category_id, expected_version)
    if "parent_id" in wanted:
        _category(wanted["parent_id"], "parent_id")
        rules.check_place(category.pk, wanted["parent_id"], _parents())
    if "slug" in wanted:
        wanted["slug"] = _slug(wanted["slug"], wanted.get("name", category.name))
    changed = [name for name, value in wanted.items() if getattr(category, name) != value]
    if not changed:
        return category
    for name in changed:
        setattr(category, name, wanted[name])
    category.version += 1
    category.updated_at = database_now()
    _update(category, [*changed, "version", "updated_at"])
    return category


@in_transaction
def delete_category(*, category_id: UUID, expected_version: int | None = None) -> None:
    """Remove a category that has neither products nor sub-categories.

    Refuses with NotFound, VersionMismatch and CategoryInUse.

    Locks: the category, also against what would be put into it (docs/locking.md).
    """
    Category.objects.filter(pk=category_id).select_for_update().first()  # against new products
    category = _locked_category(category_id, expected_version)
    if category.products.living().exists() or category.children.exists():
        raise CategoryInUse("Move its products and sub-categories elsewhere first.")
    category.products.update(category=None)  # deleted products, kept for their ledger
    category.delete()


def _facts(product: Product) -> dict[str, Any]:
    """The product's attributes as events tell them."""
    return {
        "sku": product.sku,
        "name": product.name,
        "description": product.description,
        "price": f"{product.price:.2f}",
        "images": list(product.images),
        "barcode": product.barcode,
        "status": product.status,
        "category_id": str(product.category_id) if product.category_id else None,
    }


def _clean(name: str, value: Any) -> Any:
    """The value as the catalogue keeps it."""
    match name:
        case "sku":
            return rules.sku(value)
        case "barcode":
            return rules.barcode(value) if value else None
        case "price":
            return rules.price(value)
        case "images":
            return [rules.image(url) for url in value]
        case _:
            return value


def _locked_product(product_id: UUID, expected_version: int | None) -> Product:
    with lock_queue.place(product_id):
        product = Product.objects.living().filter(pk=product_id).locked().first()
    if product is None:
        raise NotFound("There is no such product.")
    return _at_version(product, expected_version)


def _locked_category(category_id: UUID, expected_version: int | None) -> Category:
    with lock_queue.place(category_id):
        category = Category.objects.filter(pk=category_id).locked().first()
    if category is None:
        raise NotFound("There is no such category.")
    return _at_version(category, expected_version)


def _at_version(row: Row, expected_version: int | None) -> Row:
    if expected_version is not None and row.version != expected_version:
        raise VersionMismatch("It has changed since; fetch it and decide again.")
    return row


def _category(category_id: UUID | None, attribute: str) -> Category | None:
    """The category that a product or sub-category is put in, kept from vanishing meanwhile."""
    if category_id is None:
        return None
    with lock_queue.place(category_id):
        category = Category.objects.kept(category_id)
    if category is None:
        raise NotFound("There is no such category.", attribute=attribute)
    return category


def _parent(parent_id: UUID | None) -> Category | None:
    """The parent of a new category, if the tree may grow there."""
    if parent_id is None:
        return None
    _lock_tree()
    parent = _category(parent_id, "parent_id")
    rules.check_place(None, parent_id, _parents())
    return parent


def _parents() -> dict[UUID, UUID | None]:
    """The whole tree: each category's parent."""
    return dict(Category.objects.values_list("pk", "parent_id"))


def _lock_tree() -> None:
    """Let one at a time change the shape of the tree: two moves at once could close a loop.

    Taken before any row. Not a lock on the rows: it would miss those that are being added.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [TREE_LOCK])


def _slug(slug: str | None, name: str) -> str:
    made = rules.slug(slug or name)
    if not made:
        raise Invalid("Give a slug: none can be made from this name.", attribute="slug")
    return made


def _insert(row: Product | Category) -> None:
    with unless_taken(TAKEN):
        row.save(force_insert=True)


def _update(row: Product | Category, fields: list[str]) -> None:
    """Write these columns; a savepoint is spent only where a key may turn out to be taken."""
    with unless_taken(TAKEN) if set(TAKEN.values()) & set(fields) else nullcontext():
        row.save(update_fields=fields)
