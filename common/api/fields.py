"""Input fields that take what they are named for and nothing that merely looks like it."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.core.validators import ProhibitNullCharactersValidator
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.fields import SkipField
from rest_framework.validators import ProhibitSurrogateCharactersValidator

from common.errors import Invalid, NotFound, together

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DECIMAL_TEXT: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
MAX_QUANTITY: Final = 10**9
ASKED_ALREADY: Final = {ProhibitNullCharactersValidator, ProhibitSurrogateCharactersValidator}
"""Validators of DRF's for what ``is_printable`` has refused; one goes letter by letter."""


def is_printable(text: str) -> bool:
    """No control characters but newline and tab, and nothing that UTF-8 cannot carry."""
    return text.isprintable() or not any(
        unicodedata.category(character) in {"Cc", "Cs"} and character not in "\n\t"
        for character in text
    )


class Text(serializers.CharField):
    """A JSON string, NFC-normalised, without control characters; trimmed unless it has a form."""

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
        super().__init__(**{"trim_whitespace": rule is None, **kwargs})
        self.validators = [each for each in self.validators if type(each) not in ASKED_ALREADY]
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
        super().__init__(trim_whitespace=False, **kwargs)
        self.choices = choices

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if text not in self.choices:
            self.fail("invalid_choice", choices=", ".join(self.choices))
        return text


class Day(Text):
    """A date in the form ``2026-11-21``."""

    default_error_messages = {"invalid_date": "Send a date like 2026-11-21."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: Any) -> date:  # type: ignore[override]  # a richer value
        text = super().to_internal_value(data)
        if not DAY.fullmatch(text):
            self.fail("invalid_date")
        try:
            return date.fromisoformat(text)
        except ValueError:  # the 30th of February
            self.fail("invalid_date")

    def to_representation(self, value: Any) -> str:
        return str(value)


class Objects(serializers.Field[list[dict[str, Any]], Any, Any, Any]):
    """A JSON array of objects, each with these inputs and no others.

    ``alternatives`` are groups of inputs, of which each object has one at least of every group.
    What is wrong is told for every object at once, with its place.
    """

    default_error_messages = {
        "invalid": "Send an array.",
        "empty": "Send at least one.",
        "max_length": "Send at most {max_length}.",
    }

    def __init__(
        self,
        inputs: Mapping[str, serializers.Field[Any, Any, Any, Any]],
        *,
        alternatives: tuple[tuple[str, ...], ...] = (),
        max_length: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.inputs, self.alternatives, self.max_length = inputs, alternatives, max_length
        for name, one in inputs.items():
            one.bind(name, self)  # type: ignore[arg-type]  # any field can be a parent

    def to_internal_value(self, data: Any) -> list[dict[str, Any]]:
        if not isinstance(data, list):
            self.fail("invalid")
        if not data:
            self.fail("empty")
        if len(data) > self.max_length:
            self.fail("max_length", max_length=self.max_length)
        errors: dict[str, Any] = {}
        unknown: list[NotFound] = []
        values = [self._one(str(index), each, errors, unknown) for index, each in enumerate(data)]
        if unknown:
            raise together(unknown)
        if errors:
            raise serializers.ValidationError(errors)
        return values

    def _one(
        self, index: str, data: Any, errors: dict[str, Any], unknown: list[NotFound]
    ) -> dict[str, Any]:
        if not isinstance(data, dict):
            errors[index] = [ErrorDetail("Send an object.", "invalid")]
            return {}
        wrong = self._misnamed(data)
        values = {}
        for name, one in self.inputs.items():
            try:
                values[name] = one.run_validation(data.get(name, serializers.empty))
            except SkipField:
                continue
            except serializers.ValidationError as error:
                wrong[name] = error.detail
            except NotFound as refusal:
                place = f"{self.field_name}/{index}/{name}"
                unknown.append(NotFound(refusal.detail, attribute=place))
        if wrong:
            errors[index] = wrong
        return values

    def _misnamed(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """What is wrong with the names of an object's members: unknown ones, and missing ones."""
        wrong = {
            name: [ErrorDetail("There is no such attribute.", "unknown_attribute")]
            for name in sorted(data.keys() - self.inputs.keys())
            if not name.startswith("@")
        }
        for names in self.alternatives:
            if data.keys().isdisjoint(names):
                message = f"Send one of: {', '.join(names)}."
                wrong[names[0]] = [ErrorDetail(message, "required")]
        return wrong

    def to_representation(self, value: Any) -> Any:
        return value


class Id(Text):
    """The id of something related. What is no UUID cannot exist: not found, like a missing one."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, **kwargs)

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
