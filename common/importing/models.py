"""Files that staff have brought in, and every row of them with what has become of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import models
from django.utils.translation import gettext_lazy as _

from common.database import ClockTimestamp
from common.ids import new_id
from common.importing.problems import from_json

if TYPE_CHECKING:
    from common.importing.problems import Problem

WORKING: Final = frozenset({"checking", "applying", "undoing"})


class Import(models.Model):
    """A file of rows: checked, looked at, applied, and perhaps undone.

    ``kind`` says what its rows mean (``common.importing.kinds``), ``figures`` how many there are
    of each action and state. ``rows_done`` of ``rows_total`` are done of what is worked on now.
    ``attempts`` counts the checks that were begun since it last came further.
    ``updated_at`` rises while somebody works on it. Written only by ``common.importing``.
    """

    class Status(models.TextChoices):
        CHECKING = "checking", _("Being checked")
        FAILED = "failed", _("Cannot be read")
        CHECKED = "checked", _("Checked")
        CANCELLED = "cancelled", _("Cancelled")
        APPLYING = "applying", _("Being applied")
        STOPPED = "stopped", _("Stopped")
        APPLIED = "applied", _("Applied")
        UNDOING = "undoing", _("Being undone")
        UNDONE = "undone", _("Undone")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=32)
    name = models.CharField(_("file"), max_length=255)
    status = models.CharField(max_length=16, choices=Status, default=Status.CHECKING)
    form = models.JSONField(default=dict)
    """How the file was read: its format, and for CSV its encoding and what parts its cells."""
    headings = models.JSONField(default=list)
    problem = models.JSONField(null=True)
    """Why the file as a whole cannot be read."""
    rows_total = models.PositiveIntegerField(default=0)
    rows_done = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    figures = models.JSONField(default=dict)
    uploaded_by = models.CharField(max_length=255)
    applied_by = models.CharField(max_length=255, blank=True)
    undone_by = models.CharField(max_length=255, blank=True)
    version = models.PositiveBigIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    updated_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    applied_at = models.DateTimeField(null=True, editable=False)
    undone_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        permissions = [("undo_import", "Can undo an import")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    status__in=[
                        *("checking", "failed", "checked", "cancelled", "applying"),
                        *("stopped", "applied", "undoing", "undone"),
                    ]
                ),
                name="import_status_known",
            )
        ]
        indexes = [
            models.Index(
                fields=["updated_at"],
                condition=models.Q(status__in=sorted(WORKING)),
                name="import_working",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_worked_on(self) -> bool:
        return self.status in WORKING

    @property
    def reference(self) -> str:
        """What the ledger calls it."""
        return f"import:{self.pk}"

    @property
    def whole_problem(self) -> Problem | None:
        return from_json(self.problem) if self.problem else None


class ImportContent(models.Model):
    """The bytes of a file, apart: web and worker share no disk, and lists need not read them."""

    file = models.OneToOneField(
        Import, models.CASCADE, primary_key=True, related_name="content", db_column="import_id"
    )
    data = models.BinaryField()

    def __str__(self) -> str:
        return str(self.pk)


class ImportRow(models.Model):
    """A row of a file: what it says, what it would do, and what it has done.

    ``row`` is its number as a spreadsheet shows it; the headings are row 1. ``cells`` are texts
    by heading, ``key`` names what it is about. ``differences`` are column, old and new text,
    ``problems`` what is wrong with it or why it was refused. ``seen`` is what was found when it
    was checked, which its operation is guarded by; ``touched`` what it has done, for undoing.
    """

    class Action(models.TextChoices):
        NEW = "new", _("New")
        CHANGE = "change", _("Changed")
        SAME = "same", _("The same")
        WRONG = "wrong", _("Wrong")

    class State(models.TextChoices):
        WAITING = "", _("Waiting")
        APPLIED = "applied", _("Applied")
        REFUSED = "refused", _("Refused")
        UNDONE = "undone", _("Undone")
        KEPT = "kept", _("Not undone")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    file = models.ForeignKey(
        Import, models.CASCADE, related_name="rows", db_index=False, db_column="import_id"
    )
    row = models.PositiveIntegerField()
    key = models.CharField(max_length=400, blank=True)
    cells = models.JSONField(default=dict)
    action = models.CharField(max_length=8, choices=Action)
    state = models.CharField(max_length=8, choices=State, blank=True, default="")
    differences = models.JSONField(default=list)
    problems = models.JSONField(default=list)
    seen = models.JSONField(default=dict)
    touched = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["file", "row"], name="import_row_unique"),
            models.CheckConstraint(
                condition=models.Q(action__in=["new", "change", "same", "wrong"]),
                name="import_row_action_known",
            ),
            models.CheckConstraint(
                condition=models.Q(state="") | models.Q(action__in=["new", "change"]),
                name="import_row_state_agrees",
            ),
        ]
        indexes = [
            models.Index(fields=["file", "state", "action", "row"], name="import_row_by_state"),
            models.Index(fields=["file", "action", "row"], name="import_row_by_action"),
        ]

    def __str__(self) -> str:
        return f"{self.row}: {self.key}"

    @property
    def told(self) -> list[Problem]:
        return [from_json(problem) for problem in self.problems]
