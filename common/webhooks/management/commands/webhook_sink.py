import signal
from contextlib import contextmanager, suppress

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from common.errors import NotFound
from common.webhooks.management.sink import Receiver, SinkServer
from common.webhooks.models import WebhookEndpoint
from common.webhooks.operations import create_endpoint, delete_endpoint

NAME = "webhook_sink"


class Command(BaseCommand):
    help = (
        "Receive the webhooks of all events on this machine, check their signatures and print a "
        "line for each, until Ctrl-C. For developers: it needs a relay (`make run` has one)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--port", type=int, default=9000, metavar="N", help="to listen on (default: 9000)"
        )
        parser.add_argument(
            "--fail",
            type=float,
            default=0.0,
            metavar="SHARE",
            help="answer 500 to this share of them, 0 to 1, to see them come again",
        )

    def handle(self, *_args, port, fail, **_options):
        if not settings.DEVELOPMENT:
            raise CommandError("This is for a developer's machine: it needs DEVELOPMENT=1.")
        if not 0 <= fail <= 1:
            raise CommandError("--fail takes 0 to 1.")
        settings.WEBHOOK_ALLOW_PRIVATE = True  # as `make run` sets it for the relay
        receiver = Receiver(say=self._say, fail=fail)
        with _interruptible(), _listening(port, receiver) as server, _endpoint(server):
            self._say(f"Listening on {server.url} for the webhooks of all events. Ctrl-C ends it.")
            with suppress(KeyboardInterrupt):
                server.serve_forever(poll_interval=0.1)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


@contextmanager
def _interruptible():
    """Whatever ends the command does so as Ctrl-C does, so that its endpoint goes with it."""

    def interrupt(_number, _frame):
        raise KeyboardInterrupt

    ends = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, interrupt) for number in ends]
    try:
        yield
    finally:
        for number, handler in zip(ends, before, strict=True):
            signal.signal(number, handler)


@contextmanager
def _listening(port, receiver):
    try:
        server = SinkServer(port, receiver)
    except (OSError, OverflowError) as error:
        raise CommandError(f"Port {port} cannot be opened: {error}.") from error
    with server:
        yield server


@contextmanager
def _endpoint(server):
    """While this lasts, Stockroom sends everything here, and nothing to what was left behind."""
    left = WebhookEndpoint.objects.filter(created_by=NAME, url=server.url, deleted_at=None)
    for endpoint in left:
        delete_endpoint(endpoint_id=endpoint.pk)
    endpoint = create_endpoint(
        url=server.url, description="A look at what is sent.", event_types=(), created_by=NAME
    )
    server.receiver.secret = endpoint.secret
    try:
        yield
    finally:
        with suppress(NotFound):  # somebody has deleted it already
            delete_endpoint(endpoint_id=endpoint.pk)
