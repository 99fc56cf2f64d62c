"""What people send from the page of a count sheet: numbers for lines, codes from a scanner."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from django import forms
from unfold.widgets import UnfoldAdminTextInputWidget

from common.backoffice.forms import StaffForm
from inventory.admin.count_lines import uuid_in
from inventory.admin.stock_fields import Units
from inventory.operations import Entry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class EntryForm(StaffForm, forms.Form):
    """What was written into one line."""

    counted = Units(min_value=0, required=False)
    note = forms.CharField(max_length=1000, required=False)
    version = forms.IntegerField(min_value=0, max_value=2**62)


class ScanForm(StaffForm, forms.Form):
    """A code; ``each`` says that each scan counts one."""

    code = forms.CharField(max_length=64, widget=UnfoldAdminTextInputWidget)
    each = forms.BooleanField(required=False)
    once = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)


@dataclass(slots=True)
class Sent:
    """The entries of a page that differ from what stood there; those that cannot be, by line."""

    entries: list[Entry] = field(default_factory=list)
    typed: dict[UUID, str] = field(default_factory=dict)
    wrong: dict[UUID, str] = field(default_factory=dict)

    def give_back(self) -> None:
        """None of the entries was kept: what was typed goes back onto the page."""
        for entry in self.entries:
            self.typed[entry.line_id] = "" if entry.counted is None else str(entry.counted)


def sent_with(given: Mapping[str, Any]) -> Sent:
    """Read what a page sends; ``was`` and ``noted`` are what it showed before somebody typed."""
    sent = Sent()
    for pk in _lines_in(given):
        shown = (given.get(f"{pk}-was", ""), given.get(f"{pk}-noted", ""))
        if (given[f"{pk}-counted"].strip(), given.get(f"{pk}-note", "")) == shown:
            continue
        form = EntryForm(
            {name: given.get(f"{pk}-{name}", "") for name in ("counted", "note", "version")}
        )
        if form.is_valid():
            entry = form.cleaned_data
            sent.entries.append(Entry(pk, entry["counted"], entry["note"], entry["version"]))
        else:
            sent.typed[pk] = given[f"{pk}-counted"]
            sent.wrong[pk] = " ".join(str(text) for texts in form.errors.values() for text in texts)
    return sent


def _lines_in(given: Mapping[str, Any]) -> Iterator[UUID]:
    """The lines of the fields for counts, by the names that the page gives them."""
    for name in given:
        pk = uuid_in(name.removesuffix("-counted"))
        if pk and name == f"{pk}-counted":
            yield pk
