"""What a newer document takes away from the programs that were written for an older one.

Not breaking, so not told: operations, optional parameters and members, accepted values, and
refusals that are added (docs/clients.md).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from common.api.openapi.narrowing import Loss, Narrowing, resolved, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from common.api.openapi.narrowing import Schema

SCOPE: Final = re.compile(r"Needs the scope `([^`]+)`")
SERIALIZED: Final = ("style", "explode")


def breaking(old: Schema, new: Schema) -> list[str]:
    """One sentence for each change that breaks a program, sorted, each once."""
    return sorted(set(_Changes(old, new).told()))


class _Changes:
    def __init__(self, old: Schema, new: Schema) -> None:
        self.old, self.new = old, new
        self.requests = Narrowing(old, new, answers=False)
        self.answers = Narrowing(old, new, answers=True)

    def told(self) -> Iterator[str]:
        for name in self._schemas(self.old) - self._schemas(self.new):
            yield f"schema {name}: is gone"
        for path, item in self.old["paths"].items():
            for method, operation in item.items():
                name = f"{method.upper()} {path}"
                there = self.new["paths"].get(path, {}).get(method)
                if there is None:
                    yield f"{name}: is gone"
                else:
                    yield from self._of_operation(name, operation, there)

    @staticmethod
    def _schemas(document: Schema) -> set[str]:
        return set(document.get("components", {}).get("schemas", {}))

    def _of_operation(self, name: str, old: Schema, new: Schema) -> Iterator[str]:
        if old["operationId"] != new["operationId"]:
            yield f"{name}: is called {new['operationId']}, not {old['operationId']}"
        scopes = [SCOPE.findall(one.get("description", "")) for one in (old, new)]
        if scopes[0] != scopes[1]:
            yield f"{name}: needs the scope {', '.join(scopes[1])}, not {', '.join(scopes[0])}"
        if old.get("security") == [] != new.get("security"):
            yield f"{name}: needs a key"
        yield from self._of_parameters(name, old, new)
        yield from self._of_body(name, old, new)
        yield from self._of_responses(name, old, new)

    def _of_parameters(self, name: str, old: Schema, new: Schema) -> Iterator[str]:
        """What befalls a parameter that many operations share is told once."""
        before, after = self._parameters(old, self.old), self._parameters(new, self.new)
        shared = self._parameters(old, self.old, are_shared=True)
        for key in before.keys() - after.keys():
            yield f"{name}, {key}: is not taken"
        for key, parameter in after.items():
            was, place = before.get(key, {}), key if key in shared else f"{name}, {key}"
            if parameter.get("required") and not was.get("required"):
                yield f"{place}: is required"
            if not was:
                continue
            for word in SERIALIZED:
                if was.get(word) != parameter.get(word):
                    yield f"{place}: {word} is {shown(parameter.get(word))}"
            yield from _sentences(place, self.requests.between(was["schema"], parameter["schema"]))

    @staticmethod
    def _parameters(
        operation: Schema, document: Schema, *, are_shared: bool = False
    ) -> dict[str, Schema]:
        given = operation.get("parameters", ())
        found = [resolved(one, document) for one in given if "$ref" in one or not are_shared]
        return {f"{one['in']} {one['name']}": one for one in found}

    def _of_body(self, name: str, old: Schema, new: Schema) -> Iterator[str]:
        before, after = old.get("requestBody", {}), new.get("requestBody", {})
        if after.get("required") and not before.get("required"):
            yield f"{name}, body: is required"
        yield from self._of_content(f"{name}, body", before, after, self.requests)

    def _of_responses(self, name: str, old: Schema, new: Schema) -> Iterator[str]:
        for status, response in old["responses"].items():
            place = f"{name}, {status}"
            if status in new["responses"]:
                before = resolved(response, self.old)
                after = resolved(new["responses"][status], self.new)
                yield from self._of_headers(place, before, after)
                yield from self._of_content(place, before, after, self.answers)
            elif not status.startswith(("4", "5")):
                yield f"{place}: is gone"

    def _of_headers(self, place: str, old: Schema, new: Schema) -> Iterator[str]:
        after = new.get("headers", {})
        for name, header in old.get("headers", {}).items():
            now = resolved(after[name], self.new) if name in after else {}
            if not now:
                yield f"{place}, header {name}: is gone"
            elif resolved(header, self.old).get("required") and not now.get("required"):
                yield f"{place}, header {name}: may be missing"

    def _of_content(self, place: str, old: Schema, new: Schema, judge: Narrowing) -> Iterator[str]:
        after = new.get("content", {})
        for media_type, media in old.get("content", {}).items():
            if media_type not in after:
                yield f"{place}: no {media_type}"
            else:
                lost = judge.between(media["schema"], after[media_type]["schema"])
                yield from _sentences(place, lost)


def _sentences(place: str, losses: list[Loss]) -> Iterator[str]:
    """A component's are told once, whoever refers to it."""
    for loss in losses:
        where = f"schema {loss.place}" if loss.is_of_component else f"{place}{_dotted(loss.place)}"
        yield f"{where}: {loss.what}"


def _dotted(place: str) -> str:
    return f", {place.removeprefix('.')}" if place.startswith(".") else place
