"""Input fields that take what they are named for and nothing that merely looks like it."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from rest_framework import serializers

from common.errors import Invalid, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DECIMAL_TEXT: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
MAX_QUANTITY: Final = 10**9


def is_printable(text: str) -> bool:
    """No control characters but newline and tab, and nothing that UTF-8 cannot carry."""
    return not any(
        unicodedata.category(character) in {"Cc", "Cs"} and character not in "\n\t"
        for character in text
    )


class Text(serializers.CharField):
    """A JSON string, NFC-normalised, trimmed, without control characters."""

    default_error_messages = {
        "invalid": "Send a string.",
        "control_character": "Control characters other than newline and tab are not allowed.",
    }

    def __init__(
        self,
        rule: Callable[[str], str] | None = None,
        *,
        documented: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """``rule``: a domain rule that returns the text as it is kept, or refuses it.

        ``documented``: the rule in JSON Schema's words, for the OpenAPI document.
        """
        super().__init__(**kwargs)
        self.rule = rule
        self.documented: Mapping[str, Any] = documented or {}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        if not is_printable(data):
            self.fail("control_character")
        text = super().to_internal_value(unicodedata.normalize("NFC", data))
        return self._ruled(text)

    def _ruled(self, text: str) -> str:
        if self.rule is None:
            return text
        try:
            return self.rule(text)
        except Invalid as refusal:
            raise serializers.ValidationError(refusal.detail, refusal.code) from refusal


class Integer(serializers.Field[int, Any, int, Any]):
    """A JSON integer: neither ``"5"`` nor ``5.0`` nor ``true``."""

    default_error_messages = {
        "invalid": "Send a whole number.",
        "min_value": "Must be at least {min_value}.",
        "max_value": "Must be at most {max_value}.",
    }

    def __init__(
        self, *, min_value: int = -MAX_QUANTITY, max_value: int = MAX_QUANTITY, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.min_value, self.max_value = min_value, max_value

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            self.fail("invalid")
        if data < self.min_value:
            self.fail("min_value", min_value=self.min_value)
        if data > self.max_value:
            self.fail("max_value", max_value=self.max_value)
        return data

    def to_representation(self, value: int) -> int:
        return value


class Boolean(serializers.Field[bool, Any, bool, Any]):
    """A JSON boolean."""

    default_error_messages = {"invalid": "Send true or false."}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid")
        return data

    def to_representation(self, value: bool) -> bool:  # noqa: FBT001  DRF calls it so
        return value


class Money(serializers.DecimalField):
    """An amount with at most two decimals, as a JSON number or a string like ``"1299.99"``."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=10, decimal_places=2, min_value=Decimal("0.01"), **kwargs)

    def to_internal_value(self, data: Any) -> Decimal:
        plain_text = isinstance(data, str) and DECIMAL_TEXT.fullmatch(data)
        number = isinstance(data, int | Decimal) and not isinstance(data, bool)
        if not (plain_text or number):
            self.fail("invalid")
        try:
            return super().to_internal_value(str(data))
        except InvalidOperation:
            self.fail("invalid")


class Choice(Text):
    """One of the values of an enumeration."""

    default_error_messages = {"invalid_choice": "Choose one of: {choices}."}

    def __init__(self, choices: list[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.choices = choices

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if text not in self.choices:
            self.fail("invalid_choice", choices=", ".join(self.choices))
        return text


class Id(Text):
    """The id of something related. What is no UUID cannot exist: not found, like a missing one."""

    def to_internal_value(self, data: Any) -> UUID:  # type: ignore[override]  # a richer value
        text = super().to_internal_value(data)
        try:
            return UUID(text)
        except ValueError as error:
            raise NotFound(
                f"There is nothing with the id {text!r}.", attribute=self.field_name
            ) from error

    def to_representation(self, value: Any) -> str:
        return str(value)
