"""Where apps say what kinds of rows can be imported. They register in ``AppConfig.ready()``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.auth import get_user_model
from django.utils.translation import gettext_noop as _

from common.importing.columns import NOTHING
from common.importing.errors import NotPermitted
from common.importing.problems import Problem
from common.observability.context import current

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
    from django.db.models import Model, QuerySet

    from common.importing.columns import Column, Columns

    User = AbstractBaseUser | AnonymousUser

Values = dict[str, Any]
"""What a row says, by column: those alone that the file has and that could be read."""


@dataclass(slots=True)
class Verdict:
    """What a row would do.

    ``action``: new, change or same; ``differences``: column, old and new value. Any problem makes
    the row wrong. ``seen`` is kept as JSON for the operation.
    """

    action: str = "same"
    differences: list[tuple[str, Any, Any]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    seen: dict[str, Any] = field(default_factory=dict)

    def refuse(self, column: str, message: str, **params: Any) -> None:
        self.problems.append(Problem(column, message, params))


@dataclass(frozen=True, slots=True)
class Job:
    """A row that is to be applied, or taken back.

    ``reference`` and ``note`` say where it comes from; ``touched`` is what applying it returned.
    """

    action: str
    values: Values
    seen: Mapping[str, Any]
    touched: Mapping[str, Any]
    reference: str
    note: str


class Kind(ABC):
    """Rows of one kind. ``name`` stands in addresses and is kept.

    ``keys`` are columns that together are unique within a file; the first names the row.
    ``permissions`` are needed to apply rows of an action, ``undo_permissions`` to take them back
    where that takes others, ``view`` to export. ``examples`` are the rows of a file that shows how
    it is done.
    """

    name: ClassVar[str]
    title: ClassVar[Any]
    advice: ClassVar[Any]
    undoing: ClassVar[Any]
    """What taking an import back means."""
    model: ClassVar[type[Model]]
    columns: ClassVar[type[Columns]]
    needed: ClassVar[Sequence[str]]
    keys: ClassVar[Sequence[tuple[str, ...]]]
    permissions: ClassVar[Mapping[str, str]]
    undo_permissions: ClassVar[Mapping[str, str]] = {}
    view: ClassVar[str]
    examples: ClassVar[Sequence[Mapping[str, Any]]]

    @abstractmethod
    def judge(self, rows: Sequence[Values]) -> list[Verdict]:
        """What each of these rows would do; the same number of queries for any number of them."""

    @abstractmethod
    def apply(self, job: Job) -> dict[str, Any]:
        """Do what a row says by an operation, inside a transaction; returns what was touched.

        Refuses as the operation does.
        """

    @abstractmethod
    def undo(self, job: Job) -> None:
        """Take back what applying the row has done, inside a transaction. Refuses likewise."""

    @abstractmethod
    def exported(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """The rows of the database with all that the columns need, read at once."""

    @property
    def fields(self) -> Mapping[str, Column]:
        fields: Mapping[str, Column] = self.columns.fields
        return fields

    def may_import(self, user: Any) -> bool:
        return any(user.has_perm(permission) for permission in self.permissions.values())

    def may_apply(self, user: Any, figures: Mapping[str, int]) -> bool:
        """Whether somebody may do all that the rows of a file would do."""
        wanted = {self.permissions[action] for action in self.permissions if figures.get(action)}
        return all(user.has_perm(permission) for permission in wanted)

    def may_undo(self, user: Any, figures: Mapping[str, int]) -> bool:
        """Whether somebody may take back all that the rows of a file have done."""
        wanted = {
            self.undo_permission(action) for action in self.permissions if figures.get(action)
        }
        return all(user.has_perm(permission) for permission in wanted)

    def undo_permission(self, action: str) -> str:
        return self.undo_permissions.get(action) or self.permissions[action]

    def may_export(self, user: Any) -> bool:
        return bool(user.has_perm(self.view))

    def found(self, row: Any) -> Values:
        """What a row of the database says of each column."""
        return {name: column.get_value(row) for name, column in self.fields.items()}

    def differing(self, row: Any, wanted: Values) -> list[tuple[str, Any, Any]]:
        """Where a file says something else than a row of the database."""
        there = self.found(row)
        return [
            (name, there[name], value) for name, value in wanted.items() if there[name] != value
        ]

    def rendered(self, name: str, value: Any) -> str:
        """A value as a person reads it in a difference."""
        return str(self.fields[name].widget.render(value))

    def completed(self, values: Values) -> Values:
        """With what a file means that does not have a column."""
        missing = {name: column.missing for name, column in self.fields.items()}
        return {name: value for name, value in missing.items() if value is not NOTHING} | values


def check_permitted(permission: str, *, attribute: str | None = None) -> None:
    """Refuse with NotPermitted where the person for whom a row is settled may not do this."""
    person = get_user_model().objects.filter(username=current().actor).first()
    if person is None or not person.has_perm(permission):
        told = _("You may not do all that these rows would do. Ask somebody who may.")
        raise NotPermitted(told, attribute=attribute)


kinds: dict[str, Kind] = {}
"""By name, in the order in which they are offered."""


def register(*some: Kind) -> None:
    kinds.update({kind.name: kind for kind in some})
