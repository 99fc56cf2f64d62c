from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class EventsConfig(AppConfig):
    name = "common.events"
    label = "events"
    verbose_name = _("Events")

    def ready(self) -> None:
        """Let Prometheus know how far behind the relay is."""
        from common.events.lag import outbox
        from common.observability.gauges import of_the_database

        of_the_database.append(outbox)
