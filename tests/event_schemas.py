"""The published schemas of events, and whether what is emitted fits them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jsonschema import Draft202012Validator

if TYPE_CHECKING:
    from common.events.recording import Fact

SCHEMAS: Final = Path(__file__).parents[1] / "docs/events/v1"


def published() -> set[str]:
    """The types that have a schema."""
    return {file.stem for file in SCHEMAS.glob("*.json")} - {"envelope"}


def schema(name: str) -> dict[str, Any]:
    return json.loads((SCHEMAS / f"{name}.json").read_text())


def closed(part: Any) -> Any:
    """The same schema, which also refuses what it does not describe."""
    if isinstance(part, list):
        return [closed(one) for one in part]
    if not isinstance(part, dict):
        return part
    inside = {name: closed(one) for name, one in part.items()}
    return {"additionalProperties": False, **inside} if "properties" in part else inside


@cache
def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(
        closed(schema(name)), format_checker=Draft202012Validator.FORMAT_CHECKER
    )


def check(fact: Fact) -> None:
    """Fails where a fact differs from what its type promises; tests' own types are free."""
    if fact.type in published():
        validator(fact.type).validate(json.loads(json.dumps(fact.data)))
