"""The address of atomic operations, below /api/v1/."""

from django.urls import re_path

from common.api.atomic.views import AtomicView

urlpatterns = [
    re_path(r"^operations/?$", AtomicView.as_view({"post": "create"}), name="operations"),
]
