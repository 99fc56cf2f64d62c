"""Why is it N? And: how many were there?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.http import Http404
from rest_framework.fields import DateTimeField
from rest_framework.response import Response

from common.access.permissions import HasScope
from common.api import links
from common.api.errors import InvalidParameter
from common.api.openapi.described import described
from inventory import queries
from inventory.api import filters
from inventory.api.explain_serializers import ExplanationSerializer
from inventory.api.own_parameters import AS_OF, DESCRIBED, HasOwnParameters
from inventory.models import StockLevel
from products.models import Product

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet
    from rest_framework.request import Request

instants = DateTimeField()


def stocked_products() -> QuerySet[Product]:
    """Those that clients see an inventory of."""
    return Product.objects.living().filter(filters.stocked()).defer("search")


class AnswersAsOf(HasOwnParameters):
    """An inventory can be asked for as it was."""

    own_parameters = {AS_OF: DESCRIBED[AS_OF]}

    def retrieve(self, request: Request, pk: str) -> Any:
        """Get an inventory.

        With `as_of`: `quantity` as it was at that moment, by the ledger, and when the stock had
        moved last by then (`last_updated`). `meta.locations` has the same for each location.
        Reservations and batches are not in the ledger, so nothing is said of them.
        """
        instant = self.as_of()
        if instant is None:
            return super().retrieve(request, pk)
        if self.query.is_compound or self.query.fields:
            raise InvalidParameter("Ask for the past without include and fields.", parameter=AS_OF)
        if not self.get_queryset().filter(pk=pk).exists():
            raise Http404
        return self.past(UUID(pk), instant)

    def past(self, pk: UUID, instant: datetime) -> Response:
        found = queries.stock_at(pk, instant)
        moved = [one.moved_at for one in found if one.moved_at]
        last = {"last_updated": instants.to_representation(max(moved))} if moved else {}
        quantity = sum(one.on_hand for one in found)
        here = links.own(self.request)
        data = {
            "type": self.resource_type,
            "id": str(pk),
            "attributes": {"product_id": str(pk), "quantity": quantity} | last,
            "links": {"self": here},
        }
        places = [{"location": one.location, "quantity": one.on_hand} for one in found]
        meta = {"as_of": instants.to_representation(instant), "locations": places}
        response = Response({"links": {"self": here}, "data": data, "meta": meta})
        response.version = 0  # type: ignore[attr-defined]  # not one to be changed
        return response


class ExplanationView(HasOwnParameters):
    """The sums behind one product's figures; its id is the product's."""

    resource_type = "inventory-explanations"
    model = StockLevel
    serializer_class = ExplanationSerializer
    permission_classes = [HasScope.for_methods(read="inventory:read", write="inventory:write")]
    own_parameters = DESCRIBED

    def get_queryset(self) -> QuerySet[Product]:
        return stocked_products()

    @described(operation_id="explainInventory")
    def retrieve(self, request: Request, pk: str) -> Response:
        """Explain the figures of an inventory.

        `sums` add up to `quantity`, reason by reason, for the product and for each location;
        `holds` say who has reserved what until when, and `batches` what is on its way.
        `available` is `quantity` − `reserved`; the `overdue` units of the reserved ones are held
        past their time, so whoever needs them gets them. With `as_of` the ledger answers, which
        knows what was on hand and nothing else: the other figures are null then.
        """
        instant, location = self.as_of(), self.location()
        product = self.get_queryset().filter(pk=pk).first()
        if product is None:
            raise Http404
        location_id = location.pk if location else None
        found = queries.explain(product, location_id=location_id, as_of=instant)
        if found is None:
            raise Http404
        response = self.resource(found)
        response.data["data"]["links"]["self"] = links.own(request)
        return response
