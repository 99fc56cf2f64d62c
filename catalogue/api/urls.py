"""The addresses of the catalogue, below /api/v1/."""

from catalogue.api.views import CatalogueView
from common.api.routers import resource_routes

urlpatterns = resource_routes(CatalogueView)
