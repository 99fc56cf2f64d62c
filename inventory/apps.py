from django.apps import AppConfig


class InventoryConfig(AppConfig):
    name = "inventory"
    verbose_name = "Stock"

    def ready(self) -> None:
        """Tell the catalogue about stock."""
        from inventory import queries
        from inventory.admin.filters import ProductStockFilter
        from inventory.admin.tables import ProductMovementTable, StockLevelTable
        from products import extensions

        extensions.inventories_of = queries.inventories_of
        extensions.admin_filters.append(ProductStockFilter)
        extensions.admin_inlines.extend([StockLevelTable, ProductMovementTable])
