"""Every address of the service."""

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.generic import RedirectView

from catalogue.api.urls import urlpatterns as catalogue_urls
from common.api.atomic.urls import urlpatterns as atomic_urls
from common.api.openapi import pages
from common.events.api import urlpatterns as event_urls
from common.observability import exposition, health
from common.webhooks.api.urls import urlpatterns as webhook_urls
from inventory.api.urls import urlpatterns as inventory_urls
from products.api.urls import urlpatterns as product_urls


def landing(request: HttpRequest, page: str) -> HttpResponse:
    """Browsers are sent on; for programs there is nothing here."""
    if "text/html" in request.headers.get("Accept", ""):
        return redirect(page)
    raise Http404


API = [*product_urls, *inventory_urls, *catalogue_urls, *event_urls, *webhook_urls, *atomic_urls]

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/", include(API)),
    re_path(r"^health/?$", health.health, name="health"),
    re_path(r"^ready/?$", health.ready, name="ready"),
    re_path(r"^metrics/?$", exposition.metrics, name="metrics"),
    path("", landing, {"page": "admin:index"}),
    re_path(r"^api/?$", landing, {"page": "docs"}),
    re_path(r"^api/v1/?$", landing, {"page": "docs"}),
    path("admin", RedirectView.as_view(pattern_name="admin:index")),
    re_path(r"^schema/?$", pages.schema, name="schema"),
    re_path(r"^docs/?$", pages.docs, name="docs"),
    re_path(r"^redoc/?$", pages.redoc, name="redoc"),
    path("admin/", admin.site.urls),
]

handler400 = "common.api.errors.bad_request"
handler404 = "common.api.errors.page_not_found"
handler500 = "common.api.errors.server_error"
