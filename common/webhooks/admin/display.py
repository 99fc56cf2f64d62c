"""How endpoints and deliveries look on the pages of the back office."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.utils.html import format_html
from django.utils.translation import gettext as _

from common.backoffice.display import label, moment, two_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.utils.safestring import SafeString

    from common.webhooks.models import WebhookDelivery, WebhookEndpoint

CHANGE: Final = "webhooks.change_webhookendpoint"
"""What one needs to send, test, replay and rotate."""
MOST_TYPES: Final = 2
MOST_LETTERS: Final = 44


def endpoint_state(endpoint: WebhookEndpoint) -> SafeString:
    """Whether it is told of events and takes them, with the reason on hover."""
    if endpoint.disabled_reason:
        return label(_("Disabled"), tone="out", reason=endpoint.disabled_reason)
    if not endpoint.is_active:
        return label(_("Off"), tone="plain", reason=_("Nothing is sent while it is switched off"))
    if endpoint.failing_since:
        return label(_("Failing"), tone="low", reason=_("What is sent there fails"))
    return label(_("Active"), tone="good")


def state_and_reason(endpoint: WebhookEndpoint) -> SafeString:
    """The state, and below it why, or since when."""
    why: Any = endpoint.disabled_reason
    if not why and endpoint.is_active and endpoint.failing_since:
        why = format_html(_("since {}"), moment(endpoint.failing_since))
    return two_lines(endpoint_state(endpoint), why)


def url_in_short(url: str) -> str:
    """What of a URL finds room in a list."""
    return url if len(url) <= MOST_LETTERS else f"{url[: MOST_LETTERS - 1]}\u2026"


def types_in_short(types: Sequence[str]) -> str:
    """``stock.low, stock.out and 3 more``."""
    if not types:
        return _("All events")
    named, others = ", ".join(types[:MOST_TYPES]), len(types) - MOST_TYPES
    more = _("%(names)s and %(count)s more") % {"names": named, "count": others}
    return more if others > 0 else named


def delivery_state(status: str, attempts: int) -> SafeString:
    """``attempts``: how many there were since it was asked for the last time."""
    if status == "delivered":
        return label(_("Delivered"), tone="good")
    if status == "failed":
        return label(_("Failed"), tone="out", reason=_("Every attempt of the schedule failed"))
    if attempts:
        return label(_("Retrying"), tone="low", reason=_("It has failed so far and is tried again"))
    return label(_("Pending"), tone="note", reason=_("It is sent within seconds"))


def answer(attempt: dict[str, Any]) -> SafeString:
    """What an attempt came to: the status code of the answer, or why there was none."""
    code = attempt.get("status_code")
    if code is None:
        return label(_("No answer"), tone="out", reason=attempt.get("error") or "")
    taken = 200 <= code < 300  # noqa: PLR2004
    return label(code, tone="good" if taken else "out")


def last_answer(delivery: WebhookDelivery) -> SafeString | str:
    return answer(delivery.attempts[-1]) if delivery.attempts else "–"
