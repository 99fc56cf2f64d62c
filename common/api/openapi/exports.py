"""What an export answers: rows, not documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common.api.exports.forms import CSV, NDJSON
from common.api.openapi.answers import object_of
from common.api.openapi.responses import headers
from common.api.openapi.values import attribute

if TYPE_CHECKING:
    from collections.abc import Mapping

    from common.api.exports.columns import Column
    from common.api.openapi.components import Components, Schema


def exported(components: Components, name: str, columns: Mapping[str, Column]) -> Schema:
    """The response of an export of resources of this name; the id alone is always there."""
    row = components.schema(
        f"{name}Row",
        lambda: object_of(
            {column.name: attribute(column.field) for column in columns.values()},
            optional=columns.keys() - {"id"},
        ),
    )
    return {
        "description": "All rows, from here on. It is complete if the answer ends as HTTP says; "
        "so is what follows the last row when there is nothing any more.",
        "headers": headers(components, ()),
        "content": {
            NDJSON: {"schema": row | {"description": "One such object on each line."}},
            CSV: {"schema": {"type": "string", "description": "The same, with a line of names."}},
        },
    }
