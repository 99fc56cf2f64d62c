"""Forms about many rows of a list, each of which shows what will become of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final
from uuid import UUID

from django import forms
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from common.backoffice.refusals import sentences
from common.backoffice.sentences import translated
from common.errors import VersionMismatch
from inventory.admin.stock_forms import StockForm

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from django.db.models import Model
    from django.http import HttpRequest
    from django.utils.functional import Promise

    from common.errors import DomainError

MOST: Final = 1_000
NAMED: Final = 10


@dataclass(slots=True)
class Cell:
    """What stands in a column of a row; ``after`` is what it will be, where that is known."""

    title: str | Promise
    text: object
    is_number: bool = False
    after: int | None = None


@dataclass(slots=True)
class Row:
    """One of the rows selected, as the page shows it."""

    of: Any
    cells: list[Cell]
    name: str = ""
    """The field for this row's units, where there is one."""
    value: str = ""
    seen: int = 0
    """The figure that stood on the page when it was opened."""
    errors: list[str] = field(default_factory=list)


class SelectionForm(StockForm):
    """Something done to all the rows selected, or to none of them.

    ``chosen`` names the rows, each with the figure that was seen of it; ``back`` is the query of
    the list that they were selected on.
    """

    most: ClassVar[int] = MOST
    nothing_to_do: ClassVar[str | Promise]
    left_out: ClassVar[str | Promise]
    """What to say where it cannot be done to some of the rows."""
    changed_meanwhile: ClassVar[str | Promise] = gettext_lazy(
        "This cannot be done any more to some of the rows selected. They are left out now; look"
        " at the others and send the form again."
    )

    chosen = forms.CharField(widget=forms.HiddenInput)
    back = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, chosen: Collection[UUID] = (), back: str = "") -> None:
        super().__init__(data)
        self.initial["back"] = back
        seen = (
            dict.fromkeys(chosen) if data is None else _read(data.get("chosen", ""), self.most + 1)
        )
        self.number_chosen = len(seen)
        self._show(seen)
        self.initial["chosen"] = self._written()
        self.logged: list[tuple[Model, str]] = []

    @classmethod
    def too_many(cls) -> str:
        """What to say where more rows are named than can be acted on at once."""
        advice = _("Select at most %(most)s at once: search or filter for fewer. Nothing was done.")
        return advice % {"most": cls.most}

    def clean(self) -> dict[str, Any]:
        values = super().clean()
        if self.number_chosen > self.most:
            self.add_error(None, self.too_many())
        return values

    def found(self, chosen: Collection[UUID]) -> Iterable[Any]:
        """The rows among those chosen to which this can be done, in the order of the page."""
        raise NotImplementedError

    def row(self, of: Any, seen: int | None) -> Row:
        """What the page shows of one of them."""
        raise NotImplementedError

    def prepare(self, found: Sequence[Any]) -> None:
        """Read for all rows together what ``row`` needs."""

    def _show(self, seen: Mapping[UUID, int | None]) -> None:
        found = list(self.found(seen.keys()))
        self.prepare(found)
        self.rows = [self.row(of, seen[of.pk]) for of in found]

    def _written(self) -> str:
        return " ".join(f"{row.of.pk}={row.seen}" for row in self.rows)

    @property
    def columns(self) -> list[Cell]:
        return self.rows[0].cells if self.rows else []

    @property
    def number_left_out(self) -> int:
        return self.number_chosen - len(self.rows)

    def check(self) -> None:
        """Refuse where others have changed meanwhile what the page is about.

        When it is applied, not before: a form that has been applied already is told so.
        """
        if self.number_left_out or not self.rows:
            raise VersionMismatch(str(self.changed_meanwhile))

    def apply(self) -> str:
        self.check()
        return self.carry_out()

    def carry_out(self) -> str:
        """Call the operation, and say what it has done."""
        raise NotImplementedError

    def _keep_chosen(self) -> None:
        """The next sending is about the rows that are on the page now."""
        self.number_chosen = len(self.rows)
        self.data = dict(self.data.items()) | {"chosen": self._written()}

    def look_again(self) -> None:
        self._show(dict.fromkeys(row.of.pk for row in self.rows))
        self._keep_chosen()

    def refuse(self, refusal: DomainError) -> None:
        """Show each sentence at the row that it is about, and how many there are above all."""
        rows = {str(row.of.pk): row for row in self.rows}
        if isinstance(refusal, VersionMismatch) and "id" not in refusal.meta:
            self.add_error(None, translated(refusal.detail))
            return
        told = zip(refusal.problems, sentences(refusal), strict=True)
        if not all(problem.meta.get("id") in rows for problem in refusal.problems):
            super().refuse(refusal)
            return
        for problem, (_attribute, sentence) in told:
            rows[problem.meta["id"]].errors.append(sentence)
        self.refuse_rows()

    def refuse_rows(self) -> None:
        """Say above the rows that some of them have been refused."""
        count = sum(bool(row.errors) for row in self.rows)
        said = ngettext(
            "Nothing was changed: %(count)s row needs another look.",
            "Nothing was changed: %(count)s rows need another look.",
            count,
        )
        self.add_error(None, said % {"count": count})

    def done(self, said: Sequence[tuple[Model, str]]) -> str:
        """Remember what has become of each row, for its history; and say it, for the reader."""
        self.logged = list(said)
        named = "; ".join(sentence for _row, sentence in said[:NAMED])
        if (others := len(said) - NAMED) > 0:
            named = _("%(named)s; and %(count)s more") % {"named": named, "count": others}
        return f"{named}."

    def log(self, request: HttpRequest, _said: str) -> None:
        """Write what has become of each row into its history."""
        if not self.logged:
            return
        kind = ContentType.objects.get_for_model(self.logged[0][0])
        LogEntry.objects.bulk_create(
            LogEntry(
                user=request.user,  # type: ignore[misc]  # somebody who has logged in
                content_type=kind,
                object_id=str(row.pk),
                object_repr=str(row)[:200],
                action_flag=CHANGE,
                change_message=f"{sentence}.",
            )
            for row, sentence in self.logged
        )


def _read(text: str, most: int) -> dict[UUID, int | None]:
    """The rows that a form names, and what was seen of them; nonsense names nothing."""
    seen: dict[UUID, int | None] = {}
    for word in text.split()[:most]:
        pk, _equals, figure = word.partition("=")
        try:
            seen[UUID(pk)] = int(figure)
        except ValueError:
            continue
    return seen
