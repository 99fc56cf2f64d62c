"""The addresses of the catalogue, below /api/v1/."""

from common.api.exports.views import export_route
from common.api.routers import resource_routes
from products.api.exports import ProductExport
from products.api.views import CategoryView, ProductView

urlpatterns = [
    *resource_routes(ProductView),
    *resource_routes(CategoryView),
    export_route(ProductExport),
]
