"""What the inventory's operations and rules say to staff."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_noop as _

SENTENCES: Final = (
    # Stock
    _("%(requested)s of %(sku)s were asked for and %(available)s are available."),
    _("Not enough stock."),
    _("A stock level holds at most %(most)s units."),
    _(
        "%(reserved)s are promised to open reservations. Release some of those first, or take the"
        " latest promises back."
    ),
    _(
        "%(reserved)s are promised to open reservations: %(orders)s. Release some of those first,"
        " or take the latest promises back."
    ),
    _("Stock is not taken away as %(reason)s."),
    _("Stock is not added as %(reason)s."),
    _("Send a quantity or a quantity_delta, not both."),
    _("Send a quantity or a quantity_delta."),
    _("The reason of a count is that it was counted."),
    _("This product is at several locations; say which one by 'location'."),
    _("This moment is not after the last movement, or not past."),
    _("There is no product with the SKU %(sku)s."),
    _("There is no product with this id and this SKU."),
    _("There is no such product."),
    _("There is no location %(location)s."),
    _("This product has no inventory; create it with POST /inventory first."),
    _("There is no such stock level."),
    _("%(sku)s has a stock level at %(location)s already; change that."),
    # Locations
    _("Only a location that never held stock can be deleted; deactivate it instead."),
    _("The default location keeps its code and stays active."),
    _("Use 1 to 64 letters, digits and - _ . only, and no UUID."),
    _("There is no such location."),
    # Transfers and reversals
    _("The two locations must differ."),
    _("There is no such movement."),
    _("There is no such transfer."),
    _("Reverse the whole transfer instead."),
    _("This movement has been reversed already."),
    _("This transfer has been reversed already."),
    # Batches
    _("This reference is taken."),
    _("%(count)s of this batch are outstanding."),
    _("There is no such batch."),
    _("This batch is received already."),
    _("This batch is cancelled already."),
    _("The product of this batch has been deleted: cancel the batch."),
    _("Receive the batch, or lower its quantity."),
    _("%(count)s have been received already."),
    _("All of it has been received then: send one or the other."),
    _("A batch that is to arrive has an ETA."),
    # Reservations
    _("%(count)s of %(sku)s are outstanding."),
    _("%(count)s of %(sku)s are on hand for this order; the others have not arrived."),
    _("It has been shipped already."),
    _("Open reservations promise it (%(orders)s): release or ship those first."),
    _("A hold lasts at most 7 days."),
    _("There is no such reservation."),
    _("The hold has expired; reserve again."),
    _("The reservation is confirmed already."),
    _("The reservation is shipped already."),
    _("The reservation is released already."),
    _("The reservation is expired already."),
    _("Send at least one line."),
    _("An open reservation has this order reference and other lines."),
    _("The reference %(reference)s is taken."),
    _("Choose a day that is still to come."),
    _("Some of these stock levels are gone."),
    # Counts
    _("This line has been applied already."),
    _("There is no such line on this sheet."),
    _("Nobody has counted it yet."),
    _("The count was changed meanwhile: it is %(counted)s now."),
    _("The product has been deleted. Its stock can only be read."),
    _("%(fewer)s fewer than %(on_hand)s cannot be on hand. Count again, or set what was counted."),
    _("There is no such count sheet."),
    _("This sheet is closed. Make a new one to count again."),
    _("Nothing like that is stocked at %(location)s."),
    _(
        "A sheet has at most %(most)s lines, and this would have more. Make one for each category,"
        " or choose fewer products."
    ),
    _("Too many products match these words; say more."),
    _(
        "Not stocked at %(location)s: %(skus)s and %(count)s more. Leave them out; what is found"
        " there all the same can be scanned onto the sheet."
    ),
    _(
        "Not stocked at %(location)s: %(skus)s. Leave them out; what is found there all the same"
        " can be scanned onto the sheet."
    ),
    # Names of permissions
    _("Can receive a batch"),
    _("Can release a reservation"),
    _("Can extend a reservation"),
    _("Can apply counts to the stock"),
    _("Can receive stock"),
    _("Can adjust stock"),
    _("Can set a counted quantity"),
    _("Can transfer stock"),
    _("Can reverse a stock movement"),
)
