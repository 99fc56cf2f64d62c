"""Imports in the back office."""

from common.importing.admin.imports import ImportAdmin

__all__ = ["ImportAdmin"]
