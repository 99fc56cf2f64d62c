from datetime import timedelta

from django.core.management.base import BaseCommand, CommandError, CommandParser

from common.access.operations import create_key
from common.access.scopes import Scope
from common.errors import DomainError

LONGEST_LIFE_DAYS = 36_500


class Command(BaseCommand):
    help = "Make an API key and print its secret, alone and only this once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="who will use it; appears in the stock history")
        parser.add_argument(
            "--scope",
            action="extend",
            nargs="+",
            required=True,
            choices=Scope.values,
            metavar="SCOPE",
            help=f"what it may do, one or several of: {', '.join(Scope.values)}",
        )
        parser.add_argument(
            "--quota", type=int, metavar="N", help="requests a minute; 0 is unlimited"
        )
        parser.add_argument("--expires-in", type=int, metavar="DAYS", help="days until it expires")

    def handle(self, *_args, name, scope, quota, expires_in, **_options):
        if expires_in is not None and not 1 <= expires_in <= LONGEST_LIFE_DAYS:
            raise CommandError(f"--expires-in takes 1 to {LONGEST_LIFE_DAYS} days.")
        try:
            _, secret = create_key(
                name=name,
                scopes=scope,
                quota=quota,
                expires_in=None if expires_in is None else timedelta(days=expires_in),
                created_by="command line",
            )
        except DomainError as refusal:
            raise CommandError(refusal.detail) from refusal
        self.stdout.write(secret)
