"""Every address of the service."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path

from common.observability import health
from inventory.api.urls import urlpatterns as inventory_urls
from products.api.urls import urlpatterns as product_urls

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/", include([*product_urls, *inventory_urls])),
    re_path(r"^health/?$", health.health, name="health"),
    re_path(r"^ready/?$", health.ready, name="ready"),
    path("admin/", admin.site.urls),
]

handler400 = "common.api.errors.bad_request"
handler404 = "common.api.errors.page_not_found"
handler500 = "common.api.errors.server_error"
