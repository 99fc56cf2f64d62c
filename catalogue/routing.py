"""Which database the documents are in: with a MongoDB configured, in that, else beside the rest.

Migrations are for PostgreSQL alone. Its tables are made with MongoDB too, stay empty, and are
there when somebody takes MONGODB_URI away again; what MongoDB needs are indexes, which whoever
fills it makes first (``catalogue.engines``).
"""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings

CATALOGUE: Final = "catalogue"
"""The alias of that database, and the label of the app whose models are there."""


def is_configured() -> bool:
    return CATALOGUE in settings.DATABASES


class Router:
    """The documents are read and written there, and nothing else."""

    def db_for_read(self, model: Any, **_hints: Any) -> str | None:
        return CATALOGUE if model._meta.app_label == CATALOGUE else None  # noqa: SLF001  Django's API

    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        return self.db_for_read(model, **hints)

    def allow_migrate(self, db: str, _app_label: str, **_hints: Any) -> bool | None:
        return False if db == CATALOGUE else None
