"""Where a JSON Schema refuses what another one lets through, as far as our document uses them.

A request must be taken as it was: the old schema is the wide one, the new one must not be tighter.
An answer must be read as it was: there the new schema is the wide one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

Schema = dict[str, Any]
Losses = Iterator["Loss"]

KINDS: Final = {"array", "boolean", "integer", "null", "number", "object", "string"}
LEAST: Final = ("minimum", "minLength", "minItems")
MOST: Final = ("maximum", "maxLength", "maxItems")
KEPT: Final = ("pattern", "format", "uniqueItems")
COMBINED: Final = ("allOf", "anyOf", "oneOf")


class Loss(NamedTuple):
    """Something that is refused now; ``place`` from the schema down, or from a component."""

    place: str
    what: str
    is_of_component: bool = False

    def below(self, place: str) -> Loss:
        return self if self.is_of_component else self._replace(place=place + self.place)


class Narrowing:
    """Schemas of one document against schemas of another, for requests or for answers."""

    def __init__(self, old: Schema, new: Schema, *, answers: bool) -> None:
        self._answers = answers
        self._wide, self._tight = (new, old) if answers else (old, new)
        self._known: dict[tuple[str, str], list[Loss]] = {}

    def between(self, old: Schema, new: Schema) -> list[Loss]:
        """What breaks where the new schema takes the old one's place."""
        return self._of(*((new, old) if self._answers else (old, new)))

    def _of(self, wide: Schema, tight: Schema) -> list[Loss]:
        """What the tight schema refuses; of two components that is found out once."""
        if "$ref" not in wide or "$ref" not in tight:
            return self._compared(wide, tight)
        pair = wide["$ref"], tight["$ref"]
        if pair not in self._known:
            self._known[pair] = []  # one that refers to itself is being looked at
            name = tight["$ref"].rsplit("/", 1)[-1]
            found = [loss.below(name) for loss in self._compared(wide, tight)]
            self._known[pair] = [loss._replace(is_of_component=True) for loss in found]
        return self._known[pair]

    def _compared(self, wide: Schema, tight: Schema) -> list[Loss]:
        """Each form that the wide schema lets through must pass as one form of the tight one."""
        found: list[Loss] = []
        forms = branches(tight, self._tight)
        for form in branches(wide, self._wide):
            alike = [one for one in forms if one == form]  # what they refer to may differ
            if is_impossible(form, self._wide) or (not alike and self._is_asked_for(form, forms)):
                continue
            tries = [self._of_form(form, one) for one in alike or forms]
            fewest: list[Loss] = min(tries, key=len)
            found += fewest
        return list(dict.fromkeys(found))

    def _is_asked_for(self, form: Schema, forms: list[Schema]) -> bool:
        """A further kind of resource comes along only for those who ask for it (``include``)."""
        return self._answers and all("$ref" in one for one in (form, *forms))

    def _of_form(self, wide: Schema, tight: Schema) -> list[Loss]:
        if "$ref" in wide and "$ref" in tight:
            return self._of(wide, tight)
        if "$ref" in wide or "$ref" in tight:
            return self._compared(wide, tight)
        return list(self._lost(wide, tight))

    def _lost(self, wide: Schema, tight: Schema) -> Losses:
        """The same of two schemas without alternatives."""
        left = kinds(wide) - kinds(tight)
        if left:
            yield self._values(left)
        if kinds(wide) & kinds(tight):
            yield from self._lost_values(wide, tight)
            yield from self._lost_bounds(wide, tight)
            yield from self._lost_members(wide, tight)
            if "items" in tight:
                lost = self._of(wide.get("items", {}), tight["items"])
                yield from (loss.below("[]") for loss in lost)

    def _values(self, values: set[str]) -> Loss:
        listed = ", ".join(sorted(values))
        return Loss("", f"may be {listed}" if self._answers else f"does not take {listed}")

    def _only(self, what: str) -> Loss:
        return Loss("", f"may be other than {what}" if self._answers else f"takes only {what}")

    def _lost_values(self, wide: Schema, tight: Schema) -> Losses:
        there, allowed = values(wide), values(tight)
        if allowed and not there:
            yield self._only(", ".join(sorted(allowed)))
        elif allowed and there - allowed:
            yield self._values(there - allowed)

    def _lost_bounds(self, wide: Schema, tight: Schema) -> Losses:
        for name in (*LEAST, *MOST, *KEPT):
            bound, before = tight.get(name), wide.get(name)
            is_looser = bound is None or before == bound
            if not is_looser and before is not None and name in LEAST:
                is_looser = before >= bound
            if not is_looser and before is not None and name in MOST:
                is_looser = before <= bound
            if not is_looser:
                yield self._only(f"{name} {bound}")

    # Objects

    def _lost_members(self, wide: Schema, tight: Schema) -> Losses:
        sent, read = wide.get("properties", {}), tight.get("properties", {})
        for name in sorted(sent.keys() & read.keys()):
            yield from (loss.below(f".{name}") for loss in self._of(sent[name], read[name]))
        old, new = (read, sent) if self._answers else (sent, read)
        for name in old.keys() - new.keys():
            yield Loss(f".{name}", "is gone" if self._answers else "is not taken")
        for name in set(tight.get("required", ())) - set(wide.get("required", ())):
            yield Loss(f".{name}", "may be missing" if self._answers else "is required")
        if not self._answers:
            yield from self._lost_to_requests(wide, tight)

    def _lost_to_requests(self, wide: Schema, tight: Schema) -> Losses:
        sent, read = wide.get("properties", {}), tight.get("properties", {})
        if tight.get("additionalProperties") is False is not wide.get("additionalProperties"):
            yield Loss("", "takes no other members")
        for name in sorted(sent.keys() & read.keys()):
            if read[name].get("readOnly") and not sent[name].get("readOnly"):
                yield Loss(f".{name}", "cannot be set")
            before, after = (one[name].get("default") for one in (sent, read))
            if before is not None and before != after:
                yield Loss(f".{name}", f"is {shown(after)} when left out, not {shown(before)}")
        for one in forbidden(tight):
            if one not in forbidden(wide) and not is_impossible(both(wide, one), self._wide):
                yield Loss("", f"refuses {shown(one)}")


# What a schema says


def branches(schema: Schema, document: Schema) -> list[Schema]:
    """The schema as alternatives without alternatives in them: each is enough.

    An alternative that is a component and nothing besides stays a reference to it.
    """
    while "$ref" in schema:
        schema = resolved(schema, document)
    base = {key: one for key, one in schema.items() if key not in (*COMBINED, "description")}
    groups = [[part] for part in schema.get("allOf", ())]
    groups += [schema[key] for key in ("anyOf", "oneOf") if key in schema]
    if len(groups) == 1 and not base:
        return [way for part in groups[0] for way in _ways(part, document)]
    found = [base]
    for group in groups:
        ways = [way for part in group for way in branches(part, document)]
        found = [both(one, way) for one in found for way in ways]
    return found


def _ways(schema: Schema, document: Schema) -> list[Schema]:
    return [schema] if "$ref" in schema else branches(schema, document)


def resolved(part: Schema, document: Schema) -> Schema:
    """What a part of the document refers to, or the part itself."""
    if "$ref" not in part:
        return part
    found: Any = document
    for name in part["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return dict(found)


def both(one: Schema, other: Schema) -> Schema:
    """A schema for what passes both."""
    joined = one | other
    if required := {*one.get("required", ()), *other.get("required", ())}:
        joined["required"] = sorted(required)
    if "properties" in one and "properties" in other:
        ours, theirs = one["properties"], other["properties"]
        twice = {name: {"allOf": [ours[name], theirs[name]]} for name in ours.keys() & theirs}
        joined["properties"] = ours | theirs | twice
    if nots := forbidden(one) + forbidden(other):
        joined["not"] = {"anyOf": nots}
    return joined


def is_impossible(schema: Schema, document: Schema) -> bool:
    """Whether nothing passes, for a member is demanded that is not allowed."""
    return all(_is_impossible(one, document) for one in branches(schema, document))


def _is_impossible(schema: Schema, document: Schema) -> bool:
    if "$ref" in schema:
        return is_impossible(schema, document)
    members, is_closed = schema.get("properties", {}), schema.get("additionalProperties") is False
    return any(
        is_impossible(members[name], document) if name in members else is_closed
        for name in schema.get("required", ())
    )


def forbidden(schema: Schema) -> list[Schema]:
    """What must not pass besides."""
    found = schema.get("not", {"anyOf": []})
    return list(found.get("anyOf", [found]))


def kinds(schema: Schema) -> set[str]:
    """The JSON types that pass."""
    if "type" in schema:
        named = schema["type"]
        found = {named} if isinstance(named, str) else set(named)
    elif "const" in schema or "enum" in schema:
        found = {_kind(value) for value in schema.get("enum", [schema.get("const")])}
    else:
        found = KINDS
    return found | {"integer"} if "number" in found else set(found)


def _kind(value: Any) -> str:
    by_type = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
    return "null" if value is None else by_type.get(type(value), "object")


def values(schema: Schema) -> set[str]:
    """The values that pass, as JSON; none when there is no list of them."""
    if "const" in schema:
        return {shown(schema["const"])}
    return {shown(value) for value in schema.get("enum", ())}


def shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
