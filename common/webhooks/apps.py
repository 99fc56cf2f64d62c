from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class WebhooksConfig(AppConfig):
    name = "common.webhooks"
    label = "webhooks"
    verbose_name = _("Webhooks")

    def ready(self) -> None:
        """Let Prometheus know how many deliveries wait; what atomic operations lock."""
        from common.api.atomic.mentions import before_the_first
        from common.observability.gauges import of_the_database
        from common.webhooks.api.atomic import lock_mentioned
        from common.webhooks.waiting import waiting

        of_the_database.append(waiting)
        before_the_first.append(lock_mentioned)
