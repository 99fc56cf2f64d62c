from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from common.errors import DomainError
from common.webhooks.operations import replay


class Command(BaseCommand):
    help = (
        "Send a stretch of the event feed to a webhook endpoint once more: the types that it"
        " wants, whether they were sent before or not. The relay does the sending."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("endpoint", type=UUID, help="the endpoint's id")
        for name, which in {"--from": "first", "--to": "last"}.items():
            parser.add_argument(
                name,
                dest=which,
                type=int,
                required=True,
                metavar="SEQUENCE",
                help=f"the {which} event's sequence; at most 100 000 events in all",
            )

    def handle(self, *_args, endpoint, first, last, **_options):
        try:
            sent = replay(endpoint_id=endpoint, first_sequence=first, last_sequence=last)
        except DomainError as refusal:
            raise CommandError(refusal.detail) from refusal
        self.stdout.write(f"Events that are sent again: {sent}.")
