"""Input of operations: flat, strict, the same for JSON:API documents and plain JSON."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple
from uuid import UUID

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.fields import empty
from rest_framework.utils.serializer_helpers import BindingDict

from common.api.errors import DocumentConflict, Malformed, RelatedNotFound

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from common.api.documents import Document


class Link(NamedTuple):
    """A to-one relationship in a document: the type it must have, the input it stands for."""

    type: str
    input: str


class StrictSerializer(serializers.Serializer[Any]):
    """What an operation takes. An unknown attribute is refused: it is likely a typing error.

    ``links`` says which relationships a JSON:API document may name, and under which input name a
    plain body gives the same thing; ``aliases`` are second names for inputs. ``kept`` are
    attributes that the server keeps (stamps, versions, computed figures): a client may send them
    back, and they are ignored. ``fixed`` are those that are not set here: sent with the value that
    they have (``current``) they are ignored too, with any other they are refused.
    ``alternatives`` are inputs of which at least one must be sent, with what to say when none is.
    ``example`` is for the OpenAPI document.
    """

    links: ClassVar[Mapping[str, Link]] = {}
    aliases: ClassVar[Mapping[str, str]] = {}
    kept: ClassVar[frozenset[str]] = frozenset()
    fixed: ClassVar[frozenset[str]] = frozenset()
    alternatives: ClassVar[Mapping[tuple[str, ...], str]] = {}
    example: ClassVar[Mapping[str, Any]] = {}

    def __init__(
        self, *, document: Document, current: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> None:
        self.current = current or {}
        inputs = flattened(document, self.links, self.aliases, self._declared_fields)
        super().__init__(data=inputs, **kwargs)

    @property
    def fields(self) -> Any:
        """Shared by all inputs of a class, where nothing in them belongs to one request."""
        return _shared_fields(type(self), is_partial=self.partial) or super().fields

    @property
    def _writable_fields(self) -> Iterator[Any]:  # type: ignore[override]  # the stubs say a list
        """Without those that may be left out and are: DRF raises an error inside for each."""
        for name, field in self.fields.items():
            is_heard = name in self._sent or field.required or field.default is not empty
            if is_heard and not field.read_only:
                yield field

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        self._sent: Mapping[str, Any] = data
        errors: dict[str, Any] = self._refused(data)
        try:
            values: dict[str, Any] = super().to_internal_value(data)
        except serializers.ValidationError as error:
            errors |= error.detail if isinstance(error.detail, dict) else {}
        errors |= {
            names[0]: [ErrorDetail(message, "required")]
            for names, message in self.alternatives.items()
            if data.keys().isdisjoint(names)
        }
        if errors:
            raise serializers.ValidationError(errors)
        return values

    def _refused(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """What is unknown, and what is fixed and sent with another value than it has."""
        unknown = data.keys() - self.fields.keys() - self.kept - self.fixed
        changed = {
            name
            for name in data.keys() & self.fixed
            if name not in self.current or data[name] != self.current[name]
        }
        no_such = ErrorDetail("There is no such attribute.", "unknown_attribute")
        not_here = ErrorDetail("This cannot be set here; leave it out.", "invalid")
        return {name: [no_such] for name in sorted(unknown)} | {
            name: [not_here] for name in sorted(changed)
        }

    @property
    def values(self) -> dict[str, Any]:
        """The input, checked. Raises ValidationError with every problem found."""
        self.is_valid(raise_exception=True)
        return dict(self.validated_data)


@cache
def _shared_fields(kind: type[StrictSerializer], *, is_partial: bool) -> BindingDict | None:
    """The fields of a class, made once; None where there are serializers among them.

    DRF copies them for every request, which takes longer than to read what they are for. A
    serializer inside another one keeps a state while it reads.
    """
    declared = kind._declared_fields  # noqa: SLF001  DRF's own name
    if any(isinstance(field, serializers.BaseSerializer) for field in declared.values()):
        return None
    fields = BindingDict(serializers.Serializer(partial=is_partial))
    for name, field in deepcopy(declared).items():
        fields[name] = field
    return fields


def flattened(
    document: Document,
    links: Mapping[str, Link],
    aliases: Mapping[str, str],
    fields: Collection[str] = (),
) -> dict[str, Any]:
    """Attributes and relationships of a document in one namespace, as an operation takes them.

    ``fields`` are names of inputs, which no relationship may take unless it is in ``links``.
    """
    inputs: dict[str, Any] = {}
    start = "/data/attributes" if document.is_jsonapi else ""
    for name, value in document.attributes.items():
        _put(inputs, aliases.get(name, name), value, f"{start}/{name}")
        if name in aliases:
            document.sent_as[aliases[name]] = name
    for name, linkage in document.relationships.items():
        pointer = f"/data/relationships/{name}"
        if link := links.get(name):
            linked_id = linked(linkage, link, f"{pointer}/data")
            value = None if linked_id is None else str(linked_id)
            _put(inputs, link.input, value, pointer)
            document.sent_as[link.input] = name
        elif name in fields and name not in inputs:
            unknown = ErrorDetail("There is no such relationship.", "unknown_attribute")
            raise serializers.ValidationError({name: [unknown]})
        else:
            _put(inputs, name, linkage, pointer)
    return inputs


def _put(inputs: dict[str, Any], name: str, value: Any, pointer: str) -> None:
    if name in inputs:
        raise Malformed(f"{name!r} is given twice.", pointer=pointer)
    inputs[name] = value


def linked(linkage: Any, link: Link, pointer: str) -> UUID | None:
    """The id that to-one linkage names.

    Another type is a conflict; an id that is no UUID cannot exist, and so is not found.
    """
    if linkage is None:
        return None
    if isinstance(linkage, list):
        raise Malformed("This relationship links to one resource.", pointer=pointer)
    if linkage["type"] != link.type:
        raise DocumentConflict(f"Expected the type {link.type!r}.", pointer=f"{pointer}/type")
    try:
        return UUID(linkage["id"])
    except ValueError as error:
        raise RelatedNotFound("There is nothing with this id.", pointer=f"{pointer}/id") from error
