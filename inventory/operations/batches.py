"""Supply that is on its way: ordered, moved in time, cut, received."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from common.database import in_transaction, unless_taken
from common.errors import (
    DomainError,
    Duplicate,
    Invalid,
    NotFound,
    VersionMismatch,
    together,
)
from common.events.recording import Fact
from inventory import rules
from inventory.errors import BatchReceived, ExceedsOrdered
from inventory.models import Batch, Location
from inventory.operations.ledger import Ledger, Why
from inventory.operations.naming import living_product, location_named, product_with
from inventory.operations.promises import Source
from products.models import Product

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from uuid import UUID

    from inventory.models import StockLevel

CHANGED: Final = "The batch has changed since; fetch it and decide again."
TAKEN: Final = {"batch_reference_unique": "reference"}


@in_transaction
def create_batch(
    *,
    reference: str,
    quantity: int,
    product_id: UUID | None = None,
    sku: str | None = None,
    location: str | None = None,
    eta: date | None = None,
) -> Batch:
    """Order so many units of a product for a location; without an ETA they are received at once.

    The product by id or SKU, the location by code or id, the default one when none is named. An
    ETA in the past is one of a batch that is late. Lines that wait for supply get it first.
    Refuses with NotFound, Duplicate and QuantityLimit.

    Locks: product and location against deletion, the product's levels (docs/locking.md).
    """
    product = living_product(product_with(product_id, sku))
    place = location_named(location) if location else Location.objects.default()
    if Batch.objects.filter(reference=reference).exists():
        raise Duplicate("This reference is taken.", attribute="reference")
    ledger = Ledger.locked([product.pk])
    known = {level.location_id: level for level in ledger.levels_of(product.pk)}
    on_hand = known[place.pk].on_hand if place.pk in known else 0
    if eta is None:
        rules.check_limit(on_hand + quantity, attribute="quantity")
    batch = Batch(product=product, location=place, reference=reference, quantity=quantity, eta=eta)
    if eta is None:
        batch.status, batch.received_quantity = Batch.Status.RECEIVED, quantity
    with unless_taken(TAKEN):
        batch.save(force_insert=True)
    level = ledger.level_at(product, place.pk)
    _tell(ledger, "batch.created", batch, {"after": _facts(batch)})
    if eta is None:
        ledger.move(level, quantity, Why("receipt", reference))
        _tell(ledger, "batch.received", batch, {"received": quantity, "outstanding": 0})
    else:
        _expect(ledger, level, quantity, eta)
    ledger.write()
    return _read(batch)


@in_transaction
def change_batch(
    *, batch_id: UUID, changes: Mapping[str, Any], expected_version: int | None = None
) -> Batch:
    """Change ``quantity`` or ``eta`` of a batch that is incoming, or cancel it (``status``).

    A quantity equal to what has been received closes the batch short. Where less will come than
    is promised, the latest promises are freed and look for other supply at once; what finds none
    waits on its line. A new ETA keeps the promises and moves their dates. Values that are the
    same already are no change. A batch of a deleted product changes like others, so that it can
    be cancelled. Refuses with NotFound, VersionMismatch, Invalid and BatchReceived.

    Locks: the product's levels (docs/locking.md).
    """
    ledger, batch = _locked(batch_id, expected_version)
    before = _facts(batch)
    wanted = {name: value for name, value in changes.items() if getattr(batch, name) != value}
    if not wanted:
        return _read(batch)
    _check_open(batch)
    _check(batch, wanted)
    _set(batch, wanted)
    level = ledger.level_at(batch.product, batch.location_id)
    _count(ledger, level)
    if batch.allocated > batch.outstanding:
        ledger.promises.free_latest(batch.product_id, Source(None, batch.pk))
    ledger.promises.change(batch)
    ledger.gained.add(batch.product_id)
    if "eta" in wanted:
        _tell_who_waits(ledger, batch, before["eta"])
    after = _facts(batch)
    changed = sorted(name for name in after if after[name] != before[name])
    data = {
        "before": {name: before[name] for name in changed},
        "after": {name: after[name] for name in changed},
    }
    _tell(ledger, "batch.changed", batch, data)
    ledger.write()
    return _read(batch)


@in_transaction
def receive_batch(
    *, batch_id: UUID, quantity: int | None = None, expected_version: int | None = None
) -> Batch:
    """Put what has arrived on the shelf: a movement; all that is outstanding when not told.

    The oldest promises on the batch become promises on the shelf. A batch stays incoming until it
    is complete. Refuses with NotFound (also when the product has been deleted), VersionMismatch,
    BatchReceived, ExceedsOrdered and QuantityLimit.

    Locks: the product's levels (docs/locking.md).
    """
    ledger, batch = _locked(batch_id, expected_version)
    arrive(ledger, batch, batch.outstanding if quantity is None else quantity)
    ledger.write()
    return _read(batch)


@in_transaction
def receive_batches(*, expected: Mapping[UUID, int]) -> list[Batch]:
    """Put all that is outstanding of these batches on the shelf, or nothing at all.

    ``expected`` names the batches, each with the units that were seen to be outstanding. Refuses
    as ``receive_batch`` does, for every batch at once, and with VersionMismatch where another
    number is outstanding; the refusal of each names it by its id (``meta["id"]``).

    Locks: all levels of all their products (docs/locking.md).
    """
    named = Batch.objects.filter(pk__in=expected.keys())
    product_ids = named.values_list("product_id", flat=True)
    ledger = Ledger.locked(set(product_ids), with_deleted=True)
    refusals, received = [], []
    for row in named.select_related("product", "location").order_by("eta", "pk"):
        batch = ledger.promises.batch(row.pk) or row
        batch.product = ledger.product(row.product_id)
        try:
            if batch.outstanding not in {0, expected[row.pk]}:
                raise VersionMismatch(CHANGED)
            arrive(ledger, batch, batch.outstanding)
        except DomainError as refusal:
            refusal.meta["id"] = str(row.pk)
            refusals.append(refusal)
        received.append(batch)
    if refusals:
        raise together(refusals)
    ledger.write()
    return received


def arrive(ledger: Ledger, batch: Batch, arrived: int) -> None:
    """Receive units of a batch of a product whose levels are locked, in memory."""
    _check_open(batch)
    _check_living(batch)
    if arrived > batch.outstanding:
        raise ExceedsOrdered(
            f"{batch.outstanding} of this batch are outstanding.",
            attribute="quantity",
            outstanding=batch.outstanding,
        )
    level = ledger.level_at(batch.product, batch.location_id)
    rules.check_limit(level.on_hand + arrived, attribute="quantity")
    ledger.move(level, arrived, Why("receipt", batch.reference))
    ledger.promises.arrive(batch, level.pk, arrived)
    batch.received_quantity += arrived
    if batch.received_quantity == batch.quantity:
        batch.status = Batch.Status.RECEIVED
    ledger.promises.change(batch)
    _count(ledger, level)
    data = {"received": arrived, "outstanding": batch.outstanding}
    _tell(ledger, "batch.received", batch, data)


def _locked(batch_id: UUID, expected_version: int | None) -> tuple[Ledger, Batch]:
    """The batch under the lock of its product's levels, and those; also of a deleted product."""
    product_id = Batch.objects.filter(pk=batch_id).values_list("product_id", flat=True).first()
    if product_id is None:
        raise NotFound("There is no such batch.")
    ledger = Ledger.locked([product_id], with_deleted=True)
    batch = ledger.promises.batch(batch_id) or Batch.objects.get(pk=batch_id)
    if expected_version is not None and batch.version != expected_version:
        raise VersionMismatch(CHANGED)
    batch.product = ledger.product(product_id)
    return ledger, batch


def _check_open(batch: Batch) -> None:
    if batch.status != Batch.Status.INCOMING:
        raise BatchReceived(f"This batch is {batch.status} already.", status=batch.status)


def _check_living(batch: Batch) -> None:
    """Refuse what has been deleted while we waited for its stock; now it cannot be any more."""
    if not Product.objects.living().filter(pk=batch.product_id).exists():
        raise NotFound("The product of this batch has been deleted: cancel the batch.")


def _check(batch: Batch, wanted: Mapping[str, Any]) -> None:
    if wanted.get("status") == Batch.Status.RECEIVED:
        raise Invalid("Receive the batch, or lower its quantity.", attribute="status")
    if wanted.get("quantity", batch.quantity) < batch.received_quantity:
        raise Invalid(
            f"{batch.received_quantity} have been received already.", attribute="quantity"
        )
    is_complete = wanted.get("quantity") == batch.received_quantity
    if is_complete and wanted.get("status") == Batch.Status.CANCELLED:
        raise Invalid(
            "All of it has been received then: send one or the other.", attribute="status"
        )
    if "eta" in wanted and wanted["eta"] is None:
        raise Invalid("A batch that is to arrive has an ETA.", attribute="eta")


def _set(batch: Batch, wanted: Mapping[str, Any]) -> None:
    for name, value in wanted.items():
        setattr(batch, name, value)
    if batch.status == Batch.Status.INCOMING and batch.quantity == batch.received_quantity:
        batch.status = Batch.Status.RECEIVED


def _expect(ledger: Ledger, level: StockLevel, quantity: int, eta: date) -> None:
    """Add a new batch to what is on its way to a level, without reading the others again."""
    level.incoming += quantity
    level.next_eta = min(eta, level.next_eta or eta)
    ledger.change(level)
    ledger.gained.add(level.product_id)


def _count(ledger: Ledger, level: StockLevel) -> None:
    """Let the level say what is on its way to it, and from when."""
    coming = [
        batch
        for batch in ledger.promises.batches(level.product_id)
        if batch.location_id == level.location_id and batch.outstanding
    ]
    level.incoming = sum(batch.outstanding for batch in coming)
    level.next_eta = min((batch.eta for batch in coming if batch.eta), default=None)
    ledger.change(level)


def _tell_who_waits(ledger: Ledger, batch: Batch, before: str | None) -> None:
    """Those to whom units of this batch are promised get them on another day."""
    for allocation, quantity in ledger.promises.on(Source(None, batch.pk)).items():
        reservation = allocation.line.reservation
        data = {
            "order_reference": reservation.order_reference,
            "product_id": str(batch.product_id),
            "sku": batch.product.sku,
            "batch": batch.reference,
            "quantity": quantity,
            "before": {"eta": before},
            "after": {"eta": str(batch.eta)},
        }
        ledger.promises.tell("allocation.changed", reservation, data)


def _facts(batch: Batch) -> dict[str, Any]:
    return {
        "reference": batch.reference,
        "sku": batch.product.sku,
        "location": batch.location.code,
        "quantity": batch.quantity,
        "received_quantity": batch.received_quantity,
        "eta": str(batch.eta) if batch.eta else None,
        "status": str(batch.status),
    }


def _tell(ledger: Ledger, what: str, batch: Batch, data: dict[str, Any]) -> None:
    about = {"product_id": str(batch.product_id), "sku": batch.product.sku}
    named = {"reference": batch.reference, **about, **data}
    ledger.promises.facts.append(Fact(what, "batches", batch.pk, named))


def _read(batch: Batch) -> Batch:
    """The batch as it has been written."""
    return Batch.objects.select_related("product", "location").get(pk=batch.pk)
