"""Many changes of stock as one request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rest_framework.response import Response

from common.access.permissions import check_may
from common.api.bodies import ReadsDocuments
from common.api.errors import problems_of
from common.api.filters import Filters
from common.api.openapi.described import described
from inventory import operations
from inventory.api.adjustment_serializers import AdjustmentsInput, AdjustmentsSerializer
from inventory.api.plain_changes import NAMES
from inventory.api.views import ADJUST, COUNT, StockScope
from inventory.models import StockLevel
from inventory.operations import Adjusted, Line, OnError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rest_framework.request import Request

    from common.api.documents import Document

NO_FIGURES: Final[dict[str, int | None]] = {
    "quantity_before": None,
    "quantity_after": None,
    "available": None,
    "version_before": None,
    "version_after": None,
}


class AdjustmentView(ReadsDocuments):
    """Many changes of stock as one request, with a result for each."""

    resource_type = "adjustments"
    model = StockLevel
    serializer_class = AdjustmentsSerializer
    create_serializer_class = AdjustmentsInput
    permission_classes = [StockScope]
    filterset_class = Filters
    staff_permissions = {"create": (ADJUST, COUNT)}

    @property
    def keeps_answer(self) -> bool:
        """A dry run changes nothing, and is asked for what is true now."""
        return self.document.attributes.get("dry_run") is not True

    @described(operation_id="adjustInventories", is_meta=True)
    def create(self, request: Request) -> Response:
        """Change the stock of many products, by up to 1000 lines.

        Each line is a change as of one inventory, decided on what the lines before it leave; all
        that are carried out are written together. With `on_error` `reject_all` nothing is changed
        unless every line can be: the errors of all lines that cannot are the answer, 422, each
        with its own `status` and `code`. With `skip_failed` those lines have an `error`, and the
        others are carried out.

        `dry_run` changes nothing, waits for nobody, and tells what would become of each line, and
        of which version of its stock. Send `meta.apply` as it is to make that come true: a line
        whose stock has changed since is refused with `stale_quantity`.
        """
        self.check_document()
        wanted = self.read_input(AdjustmentsInput)
        _check_may(request.user, wanted["lines"])
        lines = _lines(wanted["lines"])
        on_error = OnError(wanted["on_error"])
        if not wanted["dry_run"]:
            return self.told(operations.adjust_lines(lines=lines, on_error=on_error))
        found = operations.rehearse_lines(lines=lines)
        is_refused = on_error is OnError.REJECT_ALL and any(one.refusal for one in found)
        rehearsed = {"dry_run": True, "apply": _as_seen(self.document, found, on_error)}
        return self.told(found, **rehearsed | ({"applied": 0} if is_refused else {}))

    def told(self, found: Sequence[Adjusted], **more: Any) -> Response:
        """Put together without serializers: with a key, stock is locked meanwhile."""
        failed = sum(one.refusal is not None for one in found)
        is_real = not more.get("dry_run", False)
        meta = {
            "dry_run": False,
            "applied": len(found) - failed,
            "failed": failed,
            "lines": [self._line(one, is_real=is_real) for one in found],
            "apply": None,
        }
        return Response({"meta": meta | more})

    def _line(self, one: Adjusted, *, is_real: bool) -> dict[str, Any]:
        error = next(problems_of(one.refusal, self.request)) if one.refusal else None
        movements = [
            {
                "id": str(movement.pk) if is_real else None,
                "location": movement.location.code,
                "delta": movement.delta,
                "reason": movement.reason,
            }
            for movement in one.movements
        ]
        named = {
            "product_id": str(one.product_id) if one.product_id else None,
            "sku": one.sku,
            "location": one.location,
        }
        return named | _figures(one) | {"movements": movements, "error": error}


def _figures(one: Adjusted) -> dict[str, int | None]:
    if one.before is None or one.after is None:
        return NO_FIGURES
    return {
        "quantity_before": one.before.on_hand,
        "quantity_after": one.after.on_hand,
        "available": one.after.available,
        "version_before": one.before.version,
        "version_after": one.after.version,
    }


def _check_may(user: Any, lines: Sequence[dict[str, Any]]) -> None:
    """Staff need the permission for each kind of change that is among them."""
    for permission in {ADJUST if "quantity_delta" in line else COUNT for line in lines}:
        check_may(user, permission)


def _lines(lines: Sequence[dict[str, Any]]) -> list[Line]:
    """Lines of a request, each with its place in it."""
    return [
        Line(
            place=f"lines/{index}",
            **{NAMES.get(name, name): value for name, value in line.items()},
        )
        for index, line in enumerate(lines)
    ]


def _as_seen(document: Document, found: Sequence[Adjusted], on_error: OnError) -> dict[str, Any]:
    """A body like the one sent: each line that is possible has the version that it saw."""
    sent = document.attributes["lines"]
    seen = [{"expected_version": one.before.version} if one.before else {} for one in found]
    lines = [line | version for line, version in zip(sent, seen, strict=True)]
    values = {"lines": lines, "on_error": on_error.value}
    if not document.is_jsonapi:
        return values
    return {"data": {"type": document.type, "attributes": values}}
