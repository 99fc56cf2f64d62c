"""What the rows of a file say and would do, some hundred at a time. Nothing is written here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_noop as _

from common.errors import DomainError
from common.importing.columns import as_text
from common.importing.kinds import Verdict
from common.importing.models import ImportRow
from common.importing.problems import Problem, Unfit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from common.importing.kinds import Kind, Values
    from common.importing.models import Import
    from common.importing.reading import Row


def cleaned(kind: Kind, cells: Mapping[str, Any]) -> tuple[Values, list[Problem]]:
    """The values of a row, as far as they can be read, and what is wrong with the others."""
    values: Values = {}
    problems: list[Problem] = []
    for name in cells:
        try:
            values[name] = kind.fields[name].clean(cells)
        except Unfit as unfit:
            problems.append(unfit.about(name))
        except DomainError as refusal:  # a rule of the domain, in its own words
            problems.append(Problem(name, refusal.detail))
    return kind.completed(values), problems


class Judging:
    """The rows of one file in their order; it knows what stood in the rows before."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self._first: dict[tuple[Any, ...], int] = {}

    def judged(self, file: Import, rows: Sequence[Row]) -> list[ImportRow]:
        """The rows as they are to be kept."""
        said = [self._read(row) for row in rows]
        whole = [values for values, problems in said if not problems]
        verdicts = iter(self.kind.judge(whole))
        return [
            self._kept(file, row, values, problems, Verdict() if problems else next(verdicts))
            for row, (values, problems) in zip(rows, said, strict=True)
        ]

    def pass_by(self, rows: Sequence[Row]) -> None:
        """Rows that have been judged before: only their keys are remembered."""
        for row in rows:
            self._read(row)

    def _read(self, row: Row) -> tuple[Values, list[Problem]]:
        if row.problems:
            return {}, row.problems
        values, problems = cleaned(self.kind, row.cells)
        return values, problems + self._repeated(row.number, values)

    def _repeated(self, number: int, values: Values) -> list[Problem]:
        """What must be unique within a file, and stood in a row before."""
        problems = []
        for names in self.kind.keys:
            key = tuple(values.get(name) for name in names)
            if None in key or "" in key:
                continue
            first = self._first.setdefault((names, *key), number)
            if first != number:
                told = _("%(value)s stands in row %(row)s already.")
                params = {"value": " ".join(map(str, key)), "row": first}
                problems.append(Problem(names[0], told, params))
        return problems

    def _kept(
        self,
        file: Import,
        row: Row,
        values: Values,
        problems: list[Problem],
        verdict: Verdict,
    ) -> ImportRow:
        wrong = [*problems, *verdict.problems]
        differences = [] if wrong else verdict.differences
        return ImportRow(
            file=file,
            row=row.number,
            key=self._name(row, values),
            cells={name: as_text(cell) for name, cell in row.cells.items()},
            action="wrong" if wrong else verdict.action,
            differences=[
                [name, self.kind.rendered(name, old), self.kind.rendered(name, new)]
                for name, old, new in differences
            ],
            problems=[problem.as_json() for problem in wrong],
            seen=verdict.seen,
        )

    def _name(self, row: Row, values: Values) -> str:
        said = (values.get(name, as_text(row.cells.get(name))) for name in self.kind.keys[0])
        return " ".join(str(part) for part in said if part)[:400].replace("\0", "")
