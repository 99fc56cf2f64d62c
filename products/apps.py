from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ProductsConfig(AppConfig):
    name = "products"
    verbose_name = _("Catalogue")

    def ready(self) -> None:
        """Say what of the catalogue can be imported, and what atomic operations lock of it."""
        from common.api.atomic.mentions import before_the_first
        from common.importing.kinds import register
        from products.api.atomic import lock_mentioned
        from products.imports import KINDS

        register(*KINDS)
        before_the_first.append(lock_mentioned)
