from django.core.management.base import BaseCommand, CommandError, CommandParser

from common.access.operations import revoke_key
from common.errors import DomainError


class Command(BaseCommand):
    help = "Refuse an API key from now on, in every process within a second."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="its name, as list_api_keys shows it")

    def handle(self, *_args, name, **_options):
        try:
            key = revoke_key(name=name)
        except DomainError as refusal:
            raise CommandError(refusal.detail) from refusal
        self.stdout.write(f"{key} was revoked on {key.revoked_at:%Y-%m-%d %H:%M} UTC.")
