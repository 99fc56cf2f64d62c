import signal
import threading

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from common.inbox.consuming import Consumer
from common.observability import tracing
from common.observability.metrics_port import report_as


class Command(BaseCommand):
    help = (
        "Apply commands and events that other systems send to the queue stockroom.commands, each "
        "one once (docs/messages.md). Runs until SIGTERM, then finishes the message in hand. "
        "Several may run side by side."
    )

    def handle(self, *_args, **_options):
        if not settings.EVENTS_BROKER_URL:
            raise CommandError("There is no broker to read from: set EVENTS_BROKER_URL.")
        consumer = Consumer(settings.EVENTS_BROKER_URL)
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: consumer.stop())
        tracing.begin("consumer")
        report_as("consumer")
        worker = threading.Thread(target=consumer.run, name="consumer")
        worker.start()
        while worker.is_alive():
            worker.join(1)
        tracing.end()
