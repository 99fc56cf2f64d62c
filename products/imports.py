"""Products from files: one row each, found by their SKU."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Final
from uuid import UUID

from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_noop as _

from common.importing.columns import Column, Columns, Lines, Money, OneOf, Text
from common.importing.errors import ChangedSince
from common.importing.kinds import Kind, Verdict, check_permitted
from products import extensions, operations, rules
from products.models import Category, Product

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.db.models import QuerySet

    from common.importing.kinds import Job, Values

LONGEST_DESCRIPTION: Final = 1_000_000
FOR_NEW: Final = ("name", "description", "price")


class ProductColumns(Columns):
    sku = Column(
        "sku",
        Text(longest=64, rule=rules.sku),
        _("Names the product: letters, digits and - _ . / An unknown one is a new product."),
    )
    name = Column("name", Text(longest=255), _("A new product needs one."))
    description = Column(
        "description", Text(longest=LONGEST_DESCRIPTION), _("A new product needs one.")
    )
    category = Column(
        "category__slug",
        Text(longest=255, is_needed=False, empty=None),
        _("The slug of a category that there is. Empty: none."),
    )
    status = Column(
        "status", OneOf(Product.Status.values), _("draft, active or archived. New: active.")
    )
    price = Column(
        "price",
        Money(rule=rules.price),
        _("Like 1234.56, without thousands marks. A new product needs one."),
    )
    barcode = Column(
        "barcode",
        Text(longest=14, rule=rules.barcode, is_needed=False, empty=None),
        _("8, 12, 13 or 14 digits. Empty: none."),
    )
    images = Column(
        "images",
        Lines(most=rules.MAX_IMAGES, rule=rules.image),
        _("Addresses (https://…), one on each line of the cell. Empty: none."),
    )


class ProductKind(Kind):
    """Adds the products that are not there, and changes those that say something else."""

    name = "products"
    title = gettext_lazy("Products")
    advice = gettext_lazy(
        "Adds products with a new SKU, and changes those that are there. A column that the file"
        " does not have changes nothing; an empty cell empties."
    )
    undoing = gettext_lazy(
        "Changed products get their old values back, and added ones are deleted, unless somebody"
        " has gone on with them."
    )
    model = Product
    columns = ProductColumns
    needed = ("sku",)
    keys = (("sku",), ("barcode",))
    permissions: ClassVar = {"new": "products.add_product", "change": "products.change_product"}
    undo_permissions: ClassVar = {"new": "products.delete_product"}
    view = "products.view_product"
    examples: ClassVar = (
        {
            "sku": "MUG-BLUE",
            "name": "Blue mug",
            "description": "Stoneware, 300 ml.",
            "status": "active",
            "price": "12.50",
            "barcode": "4006381333931",
        },
        {
            "sku": "0042",
            "name": "Tea towel",
            "description": "Linen. 50 by 70 cm.",
            "status": "draft",
            "price": "8.00",
            "images": "https://example.com/towel-1.jpg\nhttps://example.com/towel-2.jpg",
        },
    )

    def exported(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.select_related("category").defer("search", "name_order")

    def judge(self, rows: Sequence[Values]) -> list[Verdict]:
        known = _Known(self, rows)
        return [known.verdict(values) for values in rows]

    def apply(self, job: Job) -> dict[str, Any]:
        category = _id(job.seen.get("category"))
        if job.action == "new":
            values = {name: value for name, value in job.values.items() if name != "category"}
            product = operations.create_product(**values, category_id=category)
            return {"product": str(product.pk), "version": product.version}
        columns = job.seen["before"].keys()
        changes = {_argument(name): job.values[name] for name in columns}
        if "category" in columns:
            changes["category_id"] = category
        product = operations.change_product(
            product_id=UUID(job.seen["product"]),
            changes=changes,
            expected_version=job.seen["version"],
        )
        return {"product": str(product.pk), "version": product.version}

    def undo(self, job: Job) -> None:
        """Only where the values are those that were imported: nobody's later work is lost."""
        check_permitted(self.undo_permission(job.action))
        product_id = job.touched["product"]
        product = Product.objects.living().filter(pk=product_id).select_related("category").first()
        if product is None:
            raise ChangedSince(_("The product has been deleted since."))
        if job.action == "new":
            _delete(product, job.touched["version"])
            return
        before = job.seen["before"]
        imported = {name: job.values[name] for name in before}
        for name, _now, _imported in self.differing(product, imported):
            raise ChangedSince(_("It has been changed since it was imported."), attribute=name)
        changes = {_argument(name): _former(name, old) for name, old in before.items()}
        operations.change_product(
            product_id=product.pk, changes=changes, expected_version=product.version
        )


class _Known:
    """What the catalogue has of what some rows name."""

    def __init__(self, kind: ProductKind, rows: Sequence[Values]) -> None:
        self.kind = kind
        living = kind.exported(Product.objects.living())
        skus = {values["sku"] for values in rows}
        self.products = {product.sku: product for product in living.filter(sku__in=skus)}
        barcodes = {values["barcode"] for values in rows if values.get("barcode")}
        taken = Product.objects.living().filter(barcode__in=barcodes)
        self.barcodes: dict[str | None, str] = dict(taken.values_list("barcode", "sku"))
        slugs = {values["category"] for values in rows if values.get("category")}
        categories = Category.objects.filter(slug__in=slugs)
        self.categories = dict(categories.values_list("slug", "pk"))

    def verdict(self, values: Values) -> Verdict:
        product = self.products.get(values["sku"])
        verdict = self._changed(product, values) if product else self._new(values)
        if (slug := values.get("category")) is not None:
            self._find_category(verdict, slug)
        owner = self.barcodes.get(values.get("barcode") or "")
        if owner not in (None, values["sku"]):
            verdict.refuse("barcode", _("The product %(sku)s has this barcode."), sku=owner)
        return verdict

    def _find_category(self, verdict: Verdict, slug: str) -> None:
        if slug in self.categories:
            verdict.seen["category"] = str(self.categories[slug])
        else:
            verdict.refuse(
                "category", _("There is no category with the slug “%(slug)s”."), slug=slug
            )

    def _new(self, values: Values) -> Verdict:
        verdict = Verdict("new")
        for name in FOR_NEW:
            if name not in values:
                verdict.refuse(name, _("A new product needs it."))
        verdict.differences = [(name, None, value) for name, value in values.items() if value]
        return verdict

    def _changed(self, product: Product, values: Values) -> Verdict:
        differences = self.kind.differing(product, values)
        before: Mapping[str, Any] = {name: _kept(product, name) for name, _old, _new in differences}
        seen = {"product": str(product.pk), "version": product.version, "before": before}
        return Verdict("change" if differences else "same", differences, seen=seen)


def _argument(name: str) -> str:
    return "category_id" if name == "category" else name


def _kept(product: Product, name: str) -> Any:
    """A value as JSON keeps it."""
    value = getattr(product, _argument(name))
    return value if value is None or isinstance(value, list) else str(value)


def _former(name: str, kept: Any) -> Any:
    """The value again, from JSON."""
    match name:
        case "price":
            return Decimal(kept)
        case "category":
            return _id(kept)
        case _:
            return kept


def _id(kept: str | None) -> UUID | None:
    return UUID(kept) if kept else None


def _delete(product: Product, version: int) -> None:
    """A product that came with the import, and to which nothing has happened since."""
    if extensions.inventories_of([product]):
        raise ChangedSince(_("It has got stock since."))
    operations.delete_product(product_id=product.pk, expected_version=version)


KINDS: Final = (ProductKind(),)
