"""The forms that receive many batches and release many reservations at once."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.db.models import F
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from common.errors import Invalid, together
from inventory import operations
from inventory.admin.bulk_forms import Cell, Row, SelectionForm
from inventory.admin.display import product_name
from inventory.admin.holds import with_overdue
from inventory.admin.promise_display import eta, expiry, reservation_state
from inventory.models import Batch, Reservation, ReservationLine, StockLevel

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from uuid import UUID

LINES_NAMED: Final = 5
MOST_BATCHES: Final = 200
"""What is promised of each is moved to the shelf, while everybody else waits."""


class BatchesReceipt(SelectionForm):
    """All that is outstanding of these batches has arrived."""

    title = gettext_lazy("Receive batches")
    button = gettext_lazy("Receive all of it")
    most = MOST_BATCHES
    reference = None  # type: ignore[assignment]  # each batch's own
    note = None  # type: ignore[assignment]  # operations on batches take none
    nothing_to_do = gettext_lazy("None of these batches is on its way.")
    left_out = gettext_lazy("Batches that are not on their way any more are left out.")
    about = gettext_lazy("Everything that is outstanding is put on the shelf.")

    def found(self, chosen: Collection[UUID]) -> Iterable[Batch]:
        rows = Batch.objects.incoming().filter(pk__in=chosen, product__deleted_at=None)
        rows = rows.select_related("product", "location")
        return rows.defer("product__search", "product__description").order_by("eta", "pk")

    def prepare(self, found: Sequence[Batch]) -> None:
        """What is on hand where they arrive, and what becomes of it batch by batch."""
        levels = StockLevel.objects.for_products(batch.product_id for batch in found)
        self.on_hand = {(level.product_id, level.location_id): level.on_hand for level in levels}

    def row(self, of: Batch, seen: int | None) -> Row:
        place = (of.product_id, of.location_id)
        before = self.on_hand.get(place, 0)
        self.on_hand[place] = after = before + of.outstanding
        cells = [
            Cell(gettext_lazy("Reference"), of.reference),
            Cell(gettext_lazy("Product"), product_name(of.product)),
            Cell(gettext_lazy("Location"), of.location.name),
            Cell(gettext_lazy("ETA"), eta(of)),
            Cell(gettext_lazy("Outstanding"), of.outstanding, is_number=True),
            Cell(gettext_lazy("On hand"), before, is_number=True, after=after),
        ]
        return Row(of, cells, seen=of.outstanding if seen is None else seen)

    def check(self) -> None:
        """What the page promised to put on the shelf is what is put there."""
        super().check()
        changed = [row for row in self.rows if row.seen != row.of.outstanding]
        said = _("%(seen)s were outstanding when you opened this page, and %(now)s are now.")
        if changed:
            raise together(
                [
                    Invalid(said % {"seen": row.seen, "now": row.of.outstanding}, id=str(row.of.pk))
                    for row in changed
                ]
            )

    def carry_out(self) -> str:
        outstanding = {row.of.pk: row.seen for row in self.rows}
        received = operations.receive_batches(expected=outstanding)
        return self.done(
            [
                (batch, _("%(batch)s: %(units)s received") % self._facts(batch, outstanding))
                for batch in received
            ]
        )

    def _facts(self, batch: Batch, outstanding: dict[UUID, int]) -> dict[str, Any]:
        return {"batch": batch.reference, "units": outstanding[batch.pk]}


class ReservationsRelease(SelectionForm):
    """These orders will not come: what they hold is free for others."""

    title = gettext_lazy("Release reservations")
    button = gettext_lazy("Release all of them")
    reference = None  # type: ignore[assignment]  # each order's own
    note = None  # type: ignore[assignment]  # operations on reservations take none
    nothing_to_do = gettext_lazy("None of these reservations holds anything.")
    left_out = gettext_lazy("Reservations that have ended are left out.")
    about = gettext_lazy("What they hold and have not shipped is free for others again.")
    stay: ClassVar[Any] = gettext_lazy("Keep them")

    def found(self, chosen: Collection[UUID]) -> Iterable[Reservation]:
        return with_overdue(Reservation.objects.open().filter(pk__in=chosen)).order_by("pk")

    def prepare(self, found: Sequence[Reservation]) -> None:
        lines = ReservationLine.objects.filter(reservation__in=found, shipped__lt=F("quantity"))
        self.holds: defaultdict[UUID, list[str]] = defaultdict(list)
        rows = lines.order_by("pk").values_list(
            "reservation_id", "product__sku", F("quantity") - F("shipped")
        )
        for reservation_id, sku, units in rows:
            self.holds[reservation_id].append(
                _("%(units)s of %(sku)s") % {"units": units, "sku": sku}
            )

    def row(self, of: Reservation, seen: int | None) -> Row:
        held = self.holds[of.pk]
        named = ", ".join(held[:LINES_NAMED])
        if (others := len(held) - LINES_NAMED) > 0:
            named = _("%(named)s and %(count)s more lines") % {"named": named, "count": others}
        cells = [
            Cell(gettext_lazy("Order"), of.order_reference),
            Cell(gettext_lazy("Status"), reservation_state(of)),
            Cell(gettext_lazy("Expires"), expiry(of)),
            Cell(gettext_lazy("Free again"), named),
        ]
        return Row(of, cells, seen=of.version if seen is None else seen)

    def carry_out(self) -> str:
        seen = {row.of.pk: row.seen for row in self.rows}
        ended = operations.release_all(expected_versions=seen)
        return self.done(
            [(row, f"{row.order_reference}: {row.get_status_display().lower()}") for row in ended]
        )
