from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ProductsConfig(AppConfig):
    name = "products"
    verbose_name = _("Catalogue")

    def ready(self) -> None:
        """Say what of the catalogue can be imported."""
        from common.importing.kinds import register
        from products.imports import KINDS

        register(*KINDS)
