"""Refusals of the inventory. Framework-free."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from common.errors import DomainError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class InsufficientStock(DomainError):
    """Less is available than was asked for. One problem for each short line; nothing was taken.

    ``meta``: requested, available and shortfall in units, product_id, sku.
    """

    code = "insufficient_stock"

    def __init__(self, shortages: Sequence[Shortage]) -> None:
        super().__init__("Not enough stock.")
        self.shortages = shortages

    @property
    def problems(self) -> Sequence[DomainError]:
        return self.shortages


class Shortage(DomainError):
    """One line that cannot be covered."""

    code = "insufficient_stock"

    def __init__(
        self, *, requested: int, available: int, product_id: str, sku: str, attribute: str | None
    ) -> None:
        super().__init__(
            f"{requested} of {sku} were asked for and {available} are available.",
            attribute=attribute,
            requested=requested,
            available=available,
            shortfall=requested - available,
            product_id=product_id,
            sku=sku,
        )


class QuantityLimit(DomainError):
    """A stock level would grow past 10¹² units."""

    code = "quantity_limit"


class LocationRequired(DomainError):
    """The product is at several locations, and the change does not say which one it means."""

    code = "location_required"


class BelowReserved(DomainError):
    """Fewer units were counted than are promised to open reservations."""

    code = "below_reserved"

    def __init__(self, *, reserved: int, attribute: str | None = None) -> None:
        super().__init__(self._told(reserved), attribute=attribute, reserved=reserved)

    def name(self, holds: Sequence[Mapping[str, Any]]) -> None:
        """Say whom units are promised to: the order references and quantities of some holds."""
        self.meta["holds"] = holds
        named = (f"{hold['order_reference']} ({hold['quantity']})" for hold in holds)
        self.detail = self._told(self.meta["reserved"], ", ".join(named))

    @staticmethod
    def _told(reserved: int, orders: str = "") -> str:
        promised = f"{reserved} are promised to open reservations{orders and ': '}{orders}."
        return f"{promised} Release some of those first, or take the latest promises back."


class StaleQuantity(DomainError):
    """The count was made against another quantity than the current one."""

    code = "stale_quantity"
    status = 409


class LinesRefused(DomainError):
    """Some lines of a request cannot be carried out, so none was. One problem for each of them.

    Those have codes and statuses of their own.
    """

    def __init__(self, refusals: Sequence[DomainError]) -> None:
        super().__init__("Nothing was changed.")
        self.refusals = refusals
        self.is_counted = True  # each of them is

    @property
    def problems(self) -> Sequence[DomainError]:
        return [problem for refusal in self.refusals for problem in refusal.problems]


class PreconditionRequired(DomainError):
    """An absolute quantity needs the quantity or version that the client has seen."""

    code = "precondition_required"
    status = 428


class AlreadyReversed(DomainError):
    """A movement or transfer is reversed once."""

    code = "already_reversed"
    status = 409


class PartOfTransfer(DomainError):
    """One leg of a transfer cannot be reversed alone."""

    code = "part_of_transfer"
    status = 409


class LocationInUse(DomainError):
    """A location that has stock levels, or is the default one, stays."""

    code = "location_in_use"
    status = 409


class ReservationExpired(DomainError):
    """A hold that is past its time can neither be confirmed nor extended nor shipped."""

    code = "reservation_expired"
    status = 409


class ReservationNotActive(DomainError):
    """The state of the reservation does not allow this any more."""

    code = "reservation_not_active"
    status = 409


class OrderReferenceConflict(DomainError):
    """An open reservation has this order reference, and other lines."""

    code = "order_reference_conflict"
    status = 409


class NotOnHand(DomainError):
    """Units that have not arrived, or have no supply yet, cannot be shipped."""

    code = "not_on_hand"


class ExceedsOrdered(DomainError):
    """More is to be received or shipped than is outstanding."""

    code = "exceeds_ordered"


class BatchReceived(DomainError):
    """The batch is complete or cancelled: nothing more is to come."""

    code = "batch_received"
    status = 409
