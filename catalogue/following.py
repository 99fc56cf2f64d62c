"""The projector: a process of its own that keeps the documents up to date."""

from __future__ import annotations

import threading
from typing import Final

from catalogue.engines import engine
from catalogue.naming import Names
from catalogue.projecting import CATALOGUE, project
from catalogue.rebuilding import rebuild
from common.events.models import Reader
from common.observability.duties import duties as known
from common.observability.logs import get_logger
from common.relay import Duty

logger: Final = get_logger(__name__)

PROJECT: Final = "project"
"""The name of the duty."""


def follow() -> int:
    """Follow the feed. Where there are no documents yet, make all of them first: nobody has ever
    done so, or another database is named than before, or it was lost.

    Returns how many events or documents it dealt with.
    """
    with engine.reached():
        if engine.is_built() and Reader.objects.filter(pk=CATALOGUE).exists():
            return project()
        logger.info("catalogue_is_being_built")
        count = rebuild(lambda _: known.note(PROJECT))  # it takes minutes, and stands not still
        logger.info("catalogue_was_built", documents=count)
        return count


def duties() -> list[Duty]:
    names = Names()

    def take_over_names() -> int:
        with engine.reached():
            return names.take_over()

    return [
        Duty(PROJECT, follow, actor="projector"),
        Duty("take_over_names", take_over_names, actor="projector"),
    ]


def run(stop: threading.Event) -> None:
    """Do both until told to stop, and end what is under way then."""
    logger.info("projector_started")
    threads = [threading.Thread(target=duty.run, args=[stop], name=duty.name) for duty in duties()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
