from django.apps import AppConfig


class CatalogueConfig(AppConfig):
    name = "catalogue"
    verbose_name = "Catalogue as shops read it"  # staff never see it

    def ready(self) -> None:
        """Let Prometheus and /ready know how late the documents are, the demo be shown, and what
        was made of a database go when another one is restored."""
        from catalogue.lag import ask_catalogue, figures
        from catalogue.rebuilding import forget_all, rebuild_watched
        from catalogue.routing import is_configured
        from common.backups.restoring import elsewhere
        from common.observability.gauges import of_the_database
        from common.observability.probes import Probe, inspection
        from inventory.management.demo import afterwards

        afterwards.append(rebuild_watched)
        if is_configured():
            elsewhere.append(forget_all)
        of_the_database.append(figures)
        inspection.add("catalogue", Probe(ask_catalogue))
