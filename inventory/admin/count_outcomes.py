"""What has become of the lines of a count sheet that were to be applied, in sentences."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from django.contrib import messages
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from common.backoffice.sentences import translated
from inventory.models import CountLine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from django.http import HttpRequest

    from common.errors import DomainError
    from inventory.models import CountSheet
    from inventory.operations import Settled

MOST_TOLD: Final = 20


@dataclass(slots=True)
class Outcome:
    """What has become of lines."""

    applied: int = 0
    again: int = 0
    left: int = 0
    unreached: int = 0
    more: int = 0
    fewer: int = 0
    refused: list[tuple[UUID, str]] = field(default_factory=list)

    def add(self, settled: list[Settled]) -> None:
        for one in settled:
            if one.movement:
                self.applied += 1
                self.more += max(one.movement.delta, 0)
                self.fewer -= min(one.movement.delta, 0)
            elif one.refusal:
                self.refused.append((one.line.pk, _sentence(one.refusal)))
            else:
                self.again += 1

    def tell(self, model_admin: Any, request: HttpRequest, sheet: CountSheet) -> None:
        if self.applied:
            told = ngettext("%(count)s line applied:", "%(count)s lines applied:", self.applied)
            units = _("%(more)s units more, %(fewer)s fewer.")
            said = f"{told} {units}" % {
                "count": self.applied,
                "more": self.more,
                "fewer": self.fewer,
            }
            model_admin.log_change(request, sheet, said)
            model_admin.message_user(request, said, messages.SUCCESS)
        for count, told in self._left():
            model_admin.message_user(request, told % {"count": count}, messages.WARNING)
        skus = CountLine.objects.filter(pk__in=[pk for pk, _said in self.refused])
        names = dict(skus.values_list("pk", "stock_level__product__sku"))
        for pk, sentence in self.refused[:MOST_TOLD]:
            model_admin.message_user(request, f"{names[pk]}: {sentence}", messages.ERROR)

    def _left(self) -> Iterator[tuple[int, str]]:
        """Lines that nothing was done to, and why."""
        sentences_for = (
            (self.again, _("Applied before, and not again: %(count)s.")),
            (self.left, _("Left, for their stock has moved: %(count)s. See “Moved”.")),
            (self.unreached, _("Not reached in time: %(count)s. Apply again to go on.")),
            (max(len(self.refused) - MOST_TOLD, 0), _("Refused besides those named: %(count)s.")),
        )
        return ((count, told) for count, told in sentences_for if count)


def _sentence(refusal: DomainError) -> str:
    if refusal.code == "stale_quantity":
        told = _(
            "it was %(expected)s when the sheet was made and is %(current)s now. Apply your"
            " difference, or set it anyway."
        )
        return told % refusal.meta
    return translated(refusal.detail)
