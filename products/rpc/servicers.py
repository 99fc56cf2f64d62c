"""The catalogue's gRPC services: the former contract, and the same as ``products.v1``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from common.access.scopes import Scope
from common.errors import NotFound
from common.rpc.calls import Call, method
from common.rpc.messages import filled, id_in
from products.rpc import reading
from products.rpc.proto import (
    products_pb2,
    products_pb2_grpc,
    products_v1_pb2,
    products_v1_pb2_grpc,
)

if TYPE_CHECKING:
    import grpc


class Products:
    """``ProductsService``; ``wire`` are the messages of one version of it."""

    def __init__(self, wire: Any) -> None:
        self._wire = wire

    @method(Scope.PRODUCTS_READ)
    def GetProduct(self, request: Any, call: Call) -> Any:
        """One product. Refuses with NotFound."""
        product = self._product(request, call)
        if product is None:
            raise NotFound("There is no such product.")
        return self._wire.GetProductResponse(product=product)

    @method(Scope.PRODUCTS_READ)
    def ProductExists(self, request: Any, call: Call) -> Any:
        """Whether there is such a product, and which it is."""
        product = self._product(request, call)
        return self._wire.ProductExistsResponse(exists=product is not None, product=product)

    @method(Scope.PRODUCTS_READ)
    def ListProducts(self, request: Any, _call: Call) -> Any:
        """A page of the catalogue; what is not said is page 1, of 10."""
        number, size = request.page or 1, request.size or reading.DEFAULT_SIZE
        found, total = reading.page(number, size)
        return self._wire.ListProductsResponse(
            products=[filled(self._wire.Product, values) for values in found],
            total=total,
            page=number,
            size=size,
        )

    def _product(self, request: Any, call: Call) -> Any:
        values, cached = reading.product(id_in(request, "product_id"))
        call.tell(cache=cached)
        return filled(self._wire.Product, values) if values else None


def add_to(server: grpc.Server) -> list[str]:
    """Add the services; returns their names."""
    products_pb2_grpc.add_ProductsServiceServicer_to_server(Products(products_pb2), server)
    products_v1_pb2_grpc.add_ProductsServiceServicer_to_server(Products(products_v1_pb2), server)
    contracts = (products_pb2.DESCRIPTOR, products_v1_pb2.DESCRIPTOR)
    return [contract.services_by_name["ProductsService"].full_name for contract in contracts]
