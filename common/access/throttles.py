"""The quota, where DRF asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.throttling import BaseThrottle

from common.access import quota
from common.access.verification import Client

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView


class QuotaThrottle(BaseThrottle):
    """Counts the request against its client's quota, unless an earlier layer has done so.

    The verdict is left on Django's request as ``quota_verdict``, for the headers of the answer.
    Staff sessions are not counted.
    """

    def allow_request(self, request: Request, view: APIView) -> bool:  # noqa: ARG002  DRF's
        client: Any = request.user
        if not isinstance(client, Client):
            return True
        carrier: Any = request._request  # noqa: SLF001  the one object that all layers see
        if not hasattr(carrier, "quota_verdict"):
            carrier.quota_verdict = quota.spend(client)
        self.verdict: quota.Verdict | None = carrier.quota_verdict
        return self.verdict is None or self.verdict.allowed

    def wait(self) -> float | None:
        """Seconds for Retry-After; DRF asks only after a refusal."""
        return self.verdict.reset_seconds if self.verdict else None
