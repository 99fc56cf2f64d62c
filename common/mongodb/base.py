"""The backend that ``config.databases`` names."""

from __future__ import annotations

from django_mongodb_backend import base, operations


class DatabaseOperations(operations.DatabaseOperations):  # type: ignore[misc]  # it has no types
    compiler_module = "common.mongodb.compiler"


class DatabaseWrapper(base.DatabaseWrapper):  # type: ignore[misc]  # likewise
    ops_class = DatabaseOperations
