"""Files for tests, and what becomes of them."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import User
from openpyxl import Workbook

from common.ids import new_id
from common.importing import operations
from common.importing.carrying_on import carry_on
from common.importing.kinds import kinds
from common.importing.models import Import, ImportRow
from common.importing.writing import csv_text, headings, rows_of, xlsx_file

if TYPE_CHECKING:
    from collections.abc import Sequence


def as_csv(*rows: Sequence[Any], separator: str = ",", encoding: str = "utf-8") -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator).writerows(rows)
    return text.getvalue().encode(encoding)


def as_xlsx(*rows: Sequence[Any]) -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append(list(row))
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def checked(kind: str, content: bytes, name: str = "rows.csv") -> Import:
    """The file after its check."""
    file = operations.add_import(
        import_id=new_id(), kind=kind, name=name, content=content, actor="ana"
    )
    carry_on(file.pk, seconds=60)
    return read(file)


def applied(file: Import, **options: Any) -> Import:
    operations.start_applying(import_id=file.pk, actor="ana", **options)
    carry_on(file.pk, seconds=60)
    return read(file)


def undone(file: Import, actor: str = "eve") -> Import:
    """Taken back for somebody who is there, or for a new person who may do everything."""
    User.objects.get_or_create(username=actor, defaults={"is_superuser": True})
    operations.start_undoing(import_id=file.pk, actor=actor)
    carry_on(file.pk, seconds=60)
    return read(file)


def read(file: Import) -> Import:
    return Import.objects.get(pk=file.pk)


def rows_of_file(file: Import) -> list[ImportRow]:
    return list(ImportRow.objects.filter(file=file).order_by("row"))


def problems_of(file: Import) -> dict[int, list[tuple[str, str]]]:
    """What is told of each row that something is told of: column and sentence."""
    return {
        row.row: [(problem.column, problem.text) for problem in row.told]
        for row in rows_of_file(file)
        if row.problems
    }


def exported(kind: str, form: str = "csv") -> bytes:
    """All there is of a kind, as the back office writes it."""
    each = kinds[kind]
    found = each.exported(each.model._default_manager.order_by("pk"))
    if form == "csv":
        return "".join(csv_text(headings(each), rows_of(each, found))).encode()
    with xlsx_file(headings(each), rows_of(each, found)) as file:
        return file.read()
