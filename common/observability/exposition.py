"""``/metrics``: all that is counted, and all that is read for Prometheus, in a form it knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.http import HttpResponse
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from common.observability import metrics as metrics_of_ours  # noqa: F401  they exist from here on
from common.observability import sharing
from common.observability.gauges import figures
from common.observability.health import probed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest
    from prometheus_client import Metric


class Counted(Collector):
    """What the processes have counted that share with this one; else what it has itself."""

    def collect(self) -> Iterable[Metric]:
        return sharing.merged() if sharing.is_shared() else REGISTRY.collect()

    def describe(self) -> list[Metric]:
        """So that nobody asks when it is registered."""
        return []


registry: Final = CollectorRegistry()
registry.register(Counted())
registry.register(figures)


def exposition(accept: str = "") -> tuple[bytes, str]:
    """The text of now, and its media type: the better one of two, if Accept names it."""
    encode, media_type = choose_encoder(accept)
    return encode(registry), media_type


@probed
def metrics(request: HttpRequest) -> HttpResponse:
    """For Prometheus alone: the proxy in front shows it to nobody outside."""
    text, media_type = exposition(request.META.get("HTTP_ACCEPT", ""))
    return HttpResponse(text, content_type=media_type)
