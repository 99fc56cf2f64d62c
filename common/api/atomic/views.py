"""``POST /operations``: the changes of many requests in one, all of them or none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction
from rest_framework.exceptions import Throttled
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response

from common.access import quota
from common.access.verification import Client
from common.api import links
from common.api.atomic import lids, shape
from common.api.atomic.media import (
    EXTENSION,
    AtomicNegotiation,
    AtomicParser,
    AtomicRenderer,
    PlainAtomicParser,
)
from common.api.atomic.mentions import before_the_first, check_lines, mention
from common.api.atomic.pointers import moved_below
from common.api.atomic.steps import Step
from common.api.atomic.targets import target_of
from common.api.errors import PayloadTooLarge
from common.api.openapi.atomic import AtomicSchema
from common.api.renderers import PlainLabelRenderer
from common.api.requests import RequestChecks
from common.bulkhead import lock_queue
from common.database import in_transaction

if TYPE_CHECKING:
    from collections.abc import Hashable

    from rest_framework.request import Request


class AtomicView(RequestChecks):
    """Several operations in one request: all of them are carried out, or none."""

    resource_type = "operations"
    extension = EXTENSION
    permission_classes = [IsAuthenticated]
    content_negotiation_class = AtomicNegotiation
    parser_classes = [AtomicParser, PlainAtomicParser]
    renderer_classes = [AtomicRenderer, PlainLabelRenderer]
    schema = AtomicSchema()
    current: Step | None = None
    """The step that is being taken; whatever is refused now is refused to it."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """The checks of every request, and of each operation whether the sender may do it."""
        super().initial(request, *args, **kwargs)
        document: Any = request.data  # read_body has seen to it
        operations = shape.read(document.root)
        lids.check(operations)
        check_lines(operations)
        self.spend(len(operations) - 1)
        address = links.address(request)
        self.steps = [Step(one, target_of(one, address), self) for one in operations]
        for step in self.steps:
            self.current = step
            step.check_permissions()
        self.current = None

    def spend(self, more: int) -> None:
        """Count the operations against the quota; the request itself has been counted as one.

        Refuses more than any minute has, which waiting would not change, and counts none of them.
        """
        user: Any = self.request.user
        if not isinstance(user, Client) or not more:
            return
        if 1 + more > user.quota > 0:
            detail = f"Your quota is {user.quota} requests a minute: send fewer operations at once."
            raise PayloadTooLarge(detail, pointer=f"/{shape.MEMBER}")
        carrier: Any = self.request._request  # noqa: SLF001  the one object that all layers see
        carrier.quota_verdict = verdict = quota.spend(user, more)
        if verdict is not None and not verdict.allowed:
            raise Throttled(verdict.reset_seconds)

    def create(self, request: Request) -> Response:
        """Carry out operations in their order, all of them or none."""
        results = self.all_or_none()
        if any(results):
            return Response({shape.RESULTS: results})
        return Response(status=204)

    @in_transaction
    def all_or_none(self) -> list[dict[str, Any]]:
        """The results of all operations; where one is refused, nothing has been done.

        The savepoint is for requests with an Idempotency-Key: what came before a refusal is
        undone, and the refusal is kept.

        Locks: everything that the document names, beforehand (docs/locking.md).
        """
        self.current = None
        with transaction.atomic(), lock_queue.passed(*self.lock_all()):
            results = self.one_by_one()
        self.current = None
        return results

    def lock_all(self) -> list[Hashable]:
        mentions = [mention(step.operation, step.target) for step in self.steps]
        writing = [one for one in mentions if not one.only_reads]
        return [key for lock in before_the_first for key in lock(writing)]

    def one_by_one(self) -> list[dict[str, Any]]:
        ids: dict[lids.Lid, str] = {}
        results = []
        for step in self.steps:
            self.current = None
            sent = lids.resolved(step.operation, ids)
            self.current = step
            result = step.carry_out(sent)
            results.append(result)
            ids |= lids.added(step.operation, result)
        return results

    def handle_exception(self, exc: Exception) -> Any:
        """As the view of the operation does, with pointers into the document."""
        if self.current is None:
            return super().handle_exception(exc)
        return moved_below(self.current.view.handle_exception(exc), self.current.operation)
