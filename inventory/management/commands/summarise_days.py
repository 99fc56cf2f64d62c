from datetime import date

from django.core.management.base import BaseCommand, CommandParser

from inventory.operations import summarise_days


class Command(BaseCommand):
    help = (
        "Sum up the ledger by days, as the worker does every hour: charts and days of cover are "
        "read from it. With --since, anew from that day on: after TIME_ZONE has been changed, "
        "after history was written, or where verify_stock finds the summary wrong."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--since",
            type=date.fromisoformat,
            metavar="YYYY-MM-DD",
            help="the first day to sum up anew (default: go on where the summary ends)",
        )

    def handle(self, *_args, since, verbosity, **_options):
        count = summarise_days(since=since)
        if verbosity:
            self.stdout.write(f"{count} {'day was' if count == 1 else 'days were'} summed up.")
