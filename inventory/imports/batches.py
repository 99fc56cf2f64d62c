"""Batches from files: what has been ordered, found by its reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final
from uuid import UUID

from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_noop as _

from common.importing.columns import Column, Columns, Day, Text, Whole
from common.importing.errors import ChangedSince
from common.importing.kinds import Kind, Verdict, check_permitted
from inventory import operations
from inventory.imports.counts import movement_made
from inventory.imports.places import Places, location_column, sku_column
from inventory.models import Batch
from inventory.querysets import DEFAULT_LOCATION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

    from common.importing.kinds import Job, Values

FIXED: Final = ("sku", "location")
"""A batch that was ordered for another product or place is another batch."""


class BatchColumns(Columns):
    reference = Column(
        "reference", Text(longest=255), _("Names the batch. An unknown one is a new batch.")
    )
    sku = sku_column()
    location = location_column()
    quantity = Column("quantity", Whole(least=1), _("Units that were ordered."))
    eta = Column(
        "eta",
        Day(),
        _("When it is expected, like 2026-11-24. A new batch without it is received at once."),
    )


class BatchKind(Kind):
    """Adds batches, and changes the quantity and ETA of those that are on their way."""

    name = "batches"
    title = gettext_lazy("Batches")
    advice = gettext_lazy(
        "Adds batches with a new reference, and changes quantity and ETA of those that are still"
        " to arrive. New ones without an ETA are put on the shelf at once."
    )
    undoing = gettext_lazy(
        "Added batches are cancelled while nothing of them has arrived, those received at once are"
        " taken from the shelf again, and changed ones get their old values back, unless somebody"
        " has gone on with them."
    )
    model = Batch
    columns = BatchColumns
    needed = ("reference", "sku", "quantity")
    keys = (("reference",),)
    permissions: ClassVar = {"new": "inventory.add_batch", "change": "inventory.change_batch"}
    undo_permissions: ClassVar = {"new": "inventory.change_batch"}
    view = "inventory.view_batch"
    examples: ClassVar = (
        {
            "reference": "PO-1042",
            "sku": "MUG-BLUE",
            "location": "main",
            "quantity": 200,
            "eta": "2026-12-24",
        },
        {"reference": "PO-1043", "sku": "0042", "location": "main", "quantity": 30, "eta": ""},
    )

    def exported(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        rows = rows.select_related("product", "location")
        names = ("reference", "quantity", "received_quantity", "eta", "status", "version")
        return rows.only(*names, "product__sku", "location__code")

    def judge(self, rows: Sequence[Values]) -> list[Verdict]:
        named = Batch.objects.filter(reference__in={values["reference"] for values in rows})
        known = {batch.reference: batch for batch in self.exported(named)}
        for values in rows:
            if values["reference"] not in known:
                values.setdefault("location", DEFAULT_LOCATION)
        places = Places([values for values in rows if values["reference"] not in known])
        return [
            self._changed(batch, values)
            if (batch := known.get(values["reference"]))
            else _new(places, values)
            for values in rows
        ]

    def apply(self, job: Job) -> dict[str, Any]:
        if job.action == "new":
            if not job.values.get("eta"):
                check_permitted("inventory.receive_batch", attribute="eta")
            return _ordered(job.values)
        batch = operations.change_batch(
            batch_id=UUID(job.seen["batch"]),
            changes={name: job.values[name] for name in job.seen["before"]},
            expected_version=job.seen["version"],
        )
        return {"batch": str(batch.pk)}

    def undo(self, job: Job) -> None:
        if "movement" in job.touched:
            check_permitted("inventory.reverse_movement")
            operations.reverse_movement(movement_id=UUID(job.touched["movement"]), note=job.note)
            return
        check_permitted(self.undo_permission(job.action))
        batch = Batch.objects.get(pk=job.touched["batch"])
        former = job.seen.get("before", {})
        imported = former or ("quantity", "eta")
        for name in imported:
            if name in job.values and getattr(batch, name) != job.values[name]:
                raise ChangedSince(_("It has been changed since it was imported."), attribute=name)
        if job.action == "new" and batch.received_quantity:
            raise ChangedSince(_("Some of it has arrived since."), attribute="quantity")
        changes = {name: _former(name, value) for name, value in former.items()}
        operations.change_batch(
            batch_id=batch.pk,
            changes=changes or {"status": Batch.Status.CANCELLED},
            expected_version=batch.version,
        )

    def _changed(self, batch: Batch, values: Values) -> Verdict:
        differences = self.differing(batch, values)
        verdict = Verdict("change" if differences else "same", differences)
        for name, old, _wanted in differences:
            if name in FIXED:
                told = _("The batch was ordered with %(old)s; that stays. Use another reference.")
                verdict.refuse(name, told, old=str(old))
        if differences and batch.status != Batch.Status.INCOMING:
            verdict.refuse("", _("Nothing more is to come of this batch: it stays as it is."))
        if values.get("eta", batch.eta) is None and batch.eta:
            verdict.refuse("eta", _("A batch that is to arrive has an ETA."))
        if values["quantity"] < batch.received_quantity and differences:
            told = _("%(count)s have been received already.")
            verdict.refuse("quantity", told, count=batch.received_quantity)
        before = {name: _kept(old) for name, old, _wanted in differences}
        verdict.seen = {"batch": str(batch.pk), "version": batch.version, "before": before}
        return verdict


def _new(places: Places, values: Values) -> Verdict:
    verdict = Verdict("new")
    places.found(values, verdict)
    verdict.differences = [(name, None, value) for name, value in values.items() if value]
    return verdict


def _ordered(values: Values) -> dict[str, Any]:
    batch = operations.create_batch(
        reference=values["reference"],
        quantity=values["quantity"],
        sku=values["sku"],
        location=values.get("location"),
        eta=values.get("eta"),
    )
    received = {} if values.get("eta") else movement_made(batch.product_id, batch.location.code)
    return {"batch": str(batch.pk)} | received


def _kept(value: Any) -> Any:
    """A value as JSON keeps it."""
    return value if isinstance(value, int) or value is None else str(value)


def _former(name: str, kept: Any) -> Any:
    return BatchColumns.fields["eta"].widget.clean(kept) if name == "eta" else kept
