"""Messages in and out: what was sent as plain values, what we know as a message."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import UUID

from common.api import routers
from common.api.documents import Document
from common.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.message import Message

    from common.api.serializers import StrictSerializer

M = TypeVar("M", bound="Message")

ID: Final = re.compile(routers.UUID, re.ASCII)


def read_input(kind: type[StrictSerializer], message: Message, *without: str) -> dict[str, Any]:
    """The input of an operation, checked as the API over HTTP checks it.

    ``without`` are fields of the message that are none of the input. Raises ValidationError.
    """
    sent = {name: value for name, value in _sent(message).items() if name not in without}
    return kind(document=Document(attributes=sent, root=sent)).values


def id_in(message: Message, field: str) -> UUID:
    """The id that a field holds. Refuses with Invalid what is none."""
    text = getattr(message, field)
    if not ID.fullmatch(text):
        raise Invalid("This is no UUID.", attribute=field)
    return UUID(text)


def _sent(message: Message) -> dict[str, Any]:
    """The fields that were set; one without presence is not, at the value that nothing has."""
    return {field.name: _plain(value) for field, value in message.ListFields()}


def _plain(value: Any) -> Any:
    if hasattr(value, "ListFields"):
        return _sent(value)
    if isinstance(value, str | int | bool):
        return value
    return [_plain(each) for each in value]


def filled(kind: type[M], values: Mapping[str, Any]) -> M:
    """A message with those of the values that it has fields for; what is None stays unset."""
    return kind(**{name: values[name] for name in kind.DESCRIPTOR.fields_by_name if name in values})
