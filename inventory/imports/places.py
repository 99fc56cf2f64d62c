"""Products, locations and stock levels that rows of files name, looked up for many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.utils.translation import gettext_noop as _

from common.importing.columns import Column, Text
from inventory.models import Location, StockLevel
from inventory.querysets import DEFAULT_LOCATION
from products import rules
from products.models import Product

if TYPE_CHECKING:
    from collections.abc import Sequence

    from common.importing.kinds import Values, Verdict

ABOUT_LOCATION: Final = _("The location's code. Empty, or no such column: the default location.")


def sku_column() -> Column:
    return Column("product__sku", Text(longest=64, rule=rules.sku), _("Names the product."))


def location_column(**options: Any) -> Column:
    """Lower case, as codes are kept."""
    place = Text(longest=64, rule=str.lower, is_needed=False, empty=DEFAULT_LOCATION)
    return Column("location__code", place, ABOUT_LOCATION, **options)


class Places:
    """What there is of the products and locations that some rows name."""

    def __init__(self, rows: Sequence[Values]) -> None:
        named = Product.objects.living().filter(sku__in={values["sku"] for values in rows})
        self.products = dict(named.values_list("sku", "pk"))
        codes = {values["location"] for values in rows}
        self.locations = dict(Location.objects.filter(code__in=codes).values_list("code", "pk"))
        levels = StockLevel.objects.filter(
            product__in=self.products.values(), location__in=self.locations.values()
        )
        self._levels = {(level.product_id, level.location_id): level for level in levels}

    def found(self, values: Values, verdict: Verdict) -> bool:
        """Whether product and location are there; what is not, the verdict says."""
        sku, code = values["sku"], values["location"]
        if sku not in self.products:
            verdict.refuse("sku", _("There is no product with the SKU %(sku)s."), sku=sku)
        if code not in self.locations:
            verdict.refuse("location", _("There is no location “%(code)s”."), code=code)
        return sku in self.products and code in self.locations

    def level(self, values: Values) -> Any:
        key = (self.products[values["sku"]], self.locations[values["location"]])
        return self._levels.get(key)
