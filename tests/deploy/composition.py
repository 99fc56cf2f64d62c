"""docker-compose.yml as data, its variables filled in the way Docker Compose does it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from tests.deploy.image import PROJECT

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = re.compile(
    r"\$(?:(?P<dollar>\$)|\{(?P<name>\w+)(?::(?P<kind>[-?+])(?P<text>[^}]*))?\}|(?P<bare>\w+))"
)


class VariableMissing(Exception):
    """A variable that has to be set is not, or is empty."""


def composition(variables: Mapping[str, str]) -> dict[str, Any]:
    """The whole file; ``variables`` are what stands in ``.env``."""
    parsed = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())
    filled: dict[str, Any] = _filled(parsed, variables)
    return filled


def _filled(value: Any, variables: Mapping[str, str]) -> Any:
    match value:
        case str():
            return VARIABLE.sub(lambda found: _value(found, variables), value)
        case list():
            return [_filled(item, variables) for item in value]
        case dict():
            return {key: _filled(item, variables) for key, item in value.items()}
        case _:
            return value


def _value(found: re.Match[str], variables: Mapping[str, str]) -> str:
    if found["dollar"]:
        return "$"
    name = found["name"] or found["bare"]
    given = variables.get(name, "")
    if not given and found["kind"] == "?":
        raise VariableMissing(f"{name}: {found['text']}")
    instead = found["text"] or ""
    if found["kind"] == "+":
        return instead if given else ""
    return given or (instead if found["kind"] == "-" else "")
