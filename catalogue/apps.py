from django.apps import AppConfig


class CatalogueConfig(AppConfig):
    name = "catalogue"
    verbose_name = "Catalogue as shops read it"  # staff never see it

    def ready(self) -> None:
        """Let Prometheus and /ready know how late the documents are, and the demo be shown."""
        from catalogue.lag import ask_catalogue, figures
        from catalogue.rebuilding import rebuild_watched
        from common.observability.gauges import of_the_database
        from common.observability.probes import Probe, inspection
        from inventory.management.demo import afterwards

        afterwards.append(rebuild_watched)
        of_the_database.append(figures)
        inspection.add("catalogue", Probe(ask_catalogue))
