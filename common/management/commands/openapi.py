"""``manage.py openapi``: the OpenAPI document as a file, and what it breaks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from common.api.openapi import pages
from common.api.openapi.breaking import breaking

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

DOCS: Final = Path(settings.BASE_DIR) / "docs"


class Command(BaseCommand):
    help = (
        "Write the OpenAPI document into a file: the same code gives the same bytes. With "
        "--check or --since nothing is written, and the exit code tells. See docs/clients.md."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "file",
            nargs="?",
            type=Path,
            default=DOCS / "openapi.json",
            help="the file (default: docs/openapi.json)",
        )
        parser.add_argument(
            "--check", action="store_true", help="tell whether the file is what the code says"
        )
        parser.add_argument(
            "--since",
            type=Path,
            metavar="RELEASED",
            help="tell what breaks programs that were written for that document",
        )
        parser.add_argument(
            "--stated",
            type=Path,
            metavar="FILE",
            default=DOCS / "openapi.breaking.txt",
            help="what may break, line by line (default: docs/openapi.breaking.txt)",
        )

    def handle(
        self,
        *_args: Any,
        file: Path,
        check: bool,
        since: Path | None,
        stated: Path,
        verbosity: int,
        **_options: Any,
    ) -> None:
        document = json.loads(pages.document(pages.JSON))
        if check:
            _demand_current(file, document)
        if since:
            self._judge(breaking(_read(since), document), _lines(stated), stated)
        if not check and not since:
            file.write_bytes(_as_bytes(document))
            if verbosity:
                self.stdout.write(f"{file}: {len(document['paths'])} paths.")

    def _judge(self, found: list[str], stated: list[str], where: Path) -> None:
        """What breaks and is stated passes; a statement of what does not break is refused."""
        unstated = [sentence for sentence in found if sentence not in stated]
        idle = [sentence for sentence in stated if sentence not in found]
        for sentence in unstated:
            self.stdout.write(sentence)
        if unstated:
            raise CommandError(
                f"{len(unstated)} changes break programs that use the API. Leave them out, or "
                f"state them in {where}, each as it stands here."
            )
        if idle:
            raise CommandError(f"{where} states what is not so: {'; '.join(idle)}")


def _as_bytes(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, indent=1).encode() + b"\n"


def _demand_current(file: Path, document: dict[str, Any]) -> None:
    if not file.exists() or file.read_bytes() != _as_bytes(document):
        raise CommandError(f"{file} is not what the code says: run manage.py openapi.")


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise CommandError(f"{file} cannot be read: {error}") from error


def _lines(file: Path) -> list[str]:
    """Without empty lines, and those of comments."""
    lines = file.read_text().splitlines() if file.exists() else []
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]
