from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class InventoryConfig(AppConfig):
    name = "inventory"
    verbose_name = _("Stock")

    def ready(self) -> None:
        """Tell the catalogue about stock, the inbox what we handle, what can be imported, what
        atomic operations lock, and Prometheus what is refused and how many hold stock.
        """
        from common.api.atomic.mentions import before_the_first
        from common.importing.kinds import register
        from common.inbox.kinds import kinds
        from common.observability.gauges import of_the_database
        from common.observability.metrics import stock_refusals
        from common.observability.refusals import counters
        from inventory import imports, operations, queries
        from inventory.admin import columns
        from inventory.admin.filters import (
            ProductLocationFilter,
            ProductStockFilter,
            ProductSupplyFilter,
        )
        from inventory.admin.panels import product_panel
        from inventory.admin.promise_panels import product_promises
        from inventory.admin.tables import ProductMovementTable
        from inventory.api.atomic import lock_mentioned
        from inventory.inbound import KINDS
        from inventory.queries.figures import ledger_check, open_reservations
        from products import extensions

        extensions.inventories_of = queries.inventories_of
        extensions.deletion_guards.append(operations.refuse_if_reserved)
        extensions.admin_columns.extend(
            [columns.on_hand, columns.reserved, columns.available, columns.incoming]
        )
        extensions.admin_filters.extend(
            [ProductStockFilter, ProductLocationFilter, ProductSupplyFilter]
        )
        extensions.admin_panels.extend([product_panel, product_promises])
        extensions.admin_inlines.append(ProductMovementTable)
        kinds.update(KINDS)
        register(*imports.KINDS)
        before_the_first.append(lock_mentioned)
        of_the_database.extend([open_reservations, ledger_check])
        counters["inventory"] = stock_refusals
