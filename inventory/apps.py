from django.apps import AppConfig


class InventoryConfig(AppConfig):
    name = "inventory"
    verbose_name = "Stock"

    def ready(self) -> None:
        """Tell the catalogue about stock."""
        from inventory import operations, queries
        from inventory.admin import columns
        from inventory.admin.filters import ProductStockFilter
        from inventory.admin.panels import product_panel
        from inventory.admin.promise_panels import product_promises
        from inventory.admin.tables import ProductMovementTable
        from products import extensions

        extensions.inventories_of = queries.inventories_of
        extensions.deletion_guards.append(operations.refuse_if_reserved)
        extensions.admin_columns.extend(
            [columns.on_hand, columns.reserved, columns.available, columns.incoming]
        )
        extensions.admin_filters.append(ProductStockFilter)
        extensions.admin_panels.extend([product_panel, product_promises])
        extensions.admin_inlines.append(ProductMovementTable)
