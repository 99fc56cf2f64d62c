"""What is sent from the page of a count sheet: numbers, scans, products that are not on it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from common.backoffice.refusals import busy_refused, sentences
from common.errors import DomainError
from common.idempotency import once
from inventory import operations
from inventory.admin.count_entries import ScanForm, Sent, sent_with
from inventory.admin.count_lines import (
    Row,
    line_called,
    lines_of,
    product_called,
    rows_of,
    summary_of,
    uuid_in,
)
from inventory.admin.count_page import back_to, head_of, kept_query, sheet_page, sight_of
from inventory.models import CountLine, CountSheet

if TYPE_CHECKING:
    from uuid import UUID

    from inventory.operations import Recorded

MOST_TOLD: Final = 20


def is_for_script(request: HttpRequest) -> bool:
    return request.headers.get("Accept") == "application/json"


def record(model_admin: Any, request: HttpRequest, sheet: CountSheet) -> HttpResponse:
    """Keep the numbers that somebody has entered, and nothing that they have not touched."""
    sent = sent_with(request.POST)
    recorded, refusal = recorded_of(sheet, sent)
    if is_for_script(request):
        return _told_to_script(request, sheet, sent, recorded, refusal)
    tell(model_admin, request, recorded, refusal)
    if sent.wrong:
        advice = _("%(count)s entries were not understood; see below.")
        model_admin.message_user(request, advice % {"count": len(sent.wrong)}, messages.ERROR)
        request.GET = QueryDict(kept_query(QueryDict(request.POST.get("query", ""))))
        return sheet_page(model_admin, request, sheet, sent)
    return back_to(request, sheet)


def recorded_of(sheet: CountSheet, sent: Sent) -> tuple[list[Recorded], DomainError | None]:
    """What became of entries, or the refusal of them all."""
    if not sent.entries:
        return [], None
    try:
        with busy_refused():
            return operations.record_counts(sheet_id=sheet.pk, entries=sent.entries), None
    except DomainError as refusal:
        return [], refusal


def tell(
    model_admin: Any, request: HttpRequest, recorded: list[Recorded], refusal: DomainError | None
) -> None:
    """Say what was kept, and where others had written meanwhile."""
    if refusal:
        for _attribute, sentence in sentences(refusal):
            model_admin.message_user(request, sentence, messages.ERROR)
    skus = _skus(recorded)
    for one in recorded[:MOST_TOLD]:
        if warning := _warning(one):
            text = f"{skus[one.line.pk]}: {warning}"
            model_admin.message_user(request, text, messages.WARNING)
    kept = [one for one in recorded if not one.is_late]
    if len(kept) == 1:
        told = _said(kept[0].line.counted)
        model_admin.message_user(request, f"{skus[kept[0].line.pk]}: {told}", messages.SUCCESS)
    elif kept:
        told = ngettext("%(count)s line kept.", "%(count)s lines kept.", len(kept))
        model_admin.message_user(request, told % {"count": len(kept)}, messages.SUCCESS)


def _skus(recorded: list[Recorded]) -> dict[UUID, str]:
    ids = [one.line.pk for one in recorded]
    rows = CountLine.objects.filter(pk__in=ids).values_list("pk", "stock_level__product__sku")
    return dict(rows) if ids else {}


def _said(counted: int | None) -> str:
    if counted is None:
        return _("not counted any more.")
    return _("%(units)s counted.") % {"units": counted}


def _warning(one: Recorded) -> str:
    if one.is_late:
        return _("it has been applied meanwhile and stays %(units)s.") % {"units": one.before}
    if one.was_changed_meanwhile and one.before is not None and one.before != one.line.counted:
        told = _("%(person)s had counted %(units)s meanwhile; your number stands now.")
        return told % {"person": one.before_by, "units": one.before}
    return ""


def _told_to_script(
    request: HttpRequest,
    sheet: CountSheet,
    sent: Sent,
    recorded: list[Recorded],
    refusal: DomainError | None,
) -> HttpResponse:
    """The lines as they are now, for the page to show without being loaded anew."""
    if refusal:
        told = " ".join(sentence for _attribute, sentence in sentences(refusal))
        return JsonResponse({"refusal": told}, status=refusal.status)
    warnings = {one.line.pk: _warning(one) for one in recorded}
    lines = lines_of(sheet).filter(pk__in=warnings)
    rows = rows_of(lines, sight_of(request, sheet)) if warnings else []
    told_lines = {str(row.line.pk): told_of(row, warnings[row.line.pk]) for row in rows}
    told_lines |= {str(pk): {"wrong": text} for pk, text in sent.wrong.items()}
    return JsonResponse({"lines": told_lines, "head": head(request, sheet)})


def told_of(row: Row, warning: str = "") -> dict[str, Any]:
    """A line as a script shows it."""
    return {
        "counted": row.value,
        "note": row.line.note,
        "version": row.line.version,
        "state": render_to_string("inventory/count_state.html", {"row": row}),
        "settle": render_to_string("inventory/count_settle.html", {"row": row}),
        "warning": warning,
    }


def head(request: HttpRequest, sheet: CountSheet) -> str:
    context = head_of(request, sheet, summary_of(sheet))
    return render_to_string("inventory/count_head.html", context, request)


def scan(model_admin: Any, request: HttpRequest, sheet: CountSheet) -> HttpResponse:
    """Lead to the line of a code, or count one more of it."""
    form = ScanForm(request.POST)
    if not form.is_valid():
        return _nothing_scanned(model_admin, request, sheet, request.POST.get("code", "")[:64])
    code = form.cleaned_data["code"]
    line = line_called(sheet, code)
    if line is None:
        product = product_called(code)
        if product is None:
            return _nothing_scanned(model_admin, request, sheet, code)
        return _lead(request, sheet, product=product.pk)
    if not form.cleaned_data["each"]:
        return _lead(request, sheet, line=line.pk)
    try:
        with busy_refused():
            _count_once(request, sheet, line, form.cleaned_data["once"])
    except DomainError as refusal:
        return _refuse_scan(model_admin, request, sheet, next(sentences(refusal))[1])
    return _scan_counted(model_admin, request, sheet, line)


def _count_once(request: HttpRequest, sheet: CountSheet, line: CountLine, key: UUID) -> None:
    """Count one more, also where the same scan is sent twice."""

    def apply() -> once.Answer:
        operations.add_to_count(sheet_id=sheet.pk, line_id=line.pk)
        return once.Answer(HTTPStatus.OK, b"")

    path = request.path.rstrip("/")
    once.apply_once(
        scope=once.Scope(f"staff:{request.user.pk}", "POST", path, key.hex),
        fingerprint=once.fingerprint("POST", path, [], str(line.pk)),
        apply=apply,
    )


def _scan_counted(
    model_admin: Any, request: HttpRequest, sheet: CountSheet, line: CountLine
) -> HttpResponse:
    row = rows_of(lines_of(sheet).filter(pk=line.pk), sight_of(request, sheet))[0]
    said = f"{row.product.sku}: {_said(row.line.counted)}"
    if is_for_script(request):
        lines = {str(line.pk): told_of(row)}
        return JsonResponse({"said": said, "lines": lines, "head": head(request, sheet)})
    model_admin.message_user(request, said, messages.SUCCESS)
    return back_to(request, sheet)


def _nothing_scanned(
    model_admin: Any, request: HttpRequest, sheet: CountSheet, code: str
) -> HttpResponse:
    told = _("No product has the barcode or SKU %(code)s.") % {"code": code or "–"}
    return _refuse_scan(model_admin, request, sheet, told)


def _refuse_scan(
    model_admin: Any, request: HttpRequest, sheet: CountSheet, told: str
) -> HttpResponse:
    if is_for_script(request):
        return JsonResponse({"refusal": told}, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    model_admin.message_user(request, told, messages.ERROR)
    return back_to(request, sheet)


def _lead(request: HttpRequest, sheet: CountSheet, **to: object) -> HttpResponse:
    answer = back_to(request, sheet, **to)
    return JsonResponse({"address": answer["Location"]}) if is_for_script(request) else answer


def put_on_sheet(model_admin: Any, request: HttpRequest, sheet: CountSheet) -> HttpResponse:
    """Add what was found and is not on the sheet, and lead to its line."""
    product_id = uuid_in(request.POST.get("product", ""))
    if product_id is None:
        return back_to(request, sheet)
    try:
        with busy_refused():
            line = operations.add_line(sheet_id=sheet.pk, product_id=product_id)
    except DomainError as refusal:
        model_admin.message_user(request, next(sentences(refusal))[1], messages.ERROR)
        return back_to(request, sheet)
    return back_to(request, sheet, line=line.pk)
