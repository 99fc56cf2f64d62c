from django.apps import AppConfig


class InventoryConfig(AppConfig):
    name = "inventory"

    def ready(self) -> None:
        """Tell the catalogue about stock."""
        from inventory import queries
        from products import extensions

        extensions.inventories_of = queries.inventories_of
