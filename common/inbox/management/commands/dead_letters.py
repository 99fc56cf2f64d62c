import os

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from common.broker.connection import UNREACHABLE
from common.inbox.dead_letters import dead_letters
from common.observability.context import acting_as


class Command(BaseCommand):
    help = (
        "List the messages that could not be applied: id, type, code, reason and since when, "
        "parted by tabs; they stay where they are. Or send some of them again, once what stood in "
        "their way has been mended, or drop them. Exit code 1 if an id is not among them."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        doing = parser.add_mutually_exclusive_group()
        doing.add_argument("--replay", nargs="*", metavar="ID", help="send these again, or --all")
        doing.add_argument("--drop", nargs="+", metavar="ID", help="throw these away for good")
        parser.add_argument("--all", action="store_true", help="with --replay: every one of them")

    def handle(self, *_args, replay, drop, **options):
        everything = options["all"]
        if everything and replay != []:
            raise CommandError("--all goes with --replay, and without ids.")
        if replay == [] and not everything:
            raise CommandError("Name the messages to replay, or say --all.")
        if not settings.EVENTS_BROKER_URL:
            raise CommandError("There is no broker to ask: set EVENTS_BROKER_URL.")
        try:
            with acting_as("dead_letters"), dead_letters(settings.EVENTS_BROKER_URL) as letters:
                self._act(letters, replay, drop)
        except (ValueError, OverflowError) as error:
            raise CommandError(
                "A dead letter cannot be taken apart: remove it with RabbitMQ's tools."
            ) from error
        except UNREACHABLE as error:
            raise CommandError(f"The broker cannot be reached: {type(error).__name__}.") from error

    def _act(self, letters, replay, drop):
        if replay is None and drop is None:
            self._list(letters)
        elif drop is not None:
            self._report("dropped", letters.drop(set(drop).__contains__), drop)
        else:
            wanted = set(replay)
            self._report(
                "replayed", letters.replay(lambda id_: not wanted or id_ in wanted), replay
            )

    def _list(self, letters):
        count = 0
        for count, letter in enumerate(letters, start=1):  # noqa: B007  it is the last one's number
            cells = (letter.id, letter.type or "-", letter.code, letter.reason, letter.at)
            self._say("\t".join(" ".join(cell.split()) for cell in cells))
        if not count:
            self.stderr.write("There are no dead letters.")

    def _report(self, what, done, named):
        found = []
        for id_ in done:
            found.append(id_)
            self._say(id_)
        self.stderr.write(f"{len(found)} {what}.")
        if missing := sorted(set(named) - set(found)):
            raise CommandError(f"Not among the dead letters: {', '.join(missing)}.")

    def _say(self, line):
        """Write it, as long as somebody reads; what is asked for is done to its end regardless."""
        try:
            self.stdout.write(line)
            self.stdout.flush()
        except BrokenPipeError:  # the reader's end, such as head's: not the broker's
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.stdout.fileno())
            os.close(nowhere)
