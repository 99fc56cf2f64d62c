"""The page of a form that changes stock or promises: applied once, refused in sentences."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from common.backoffice.refusals import busy_refused
from common.errors import DomainError
from common.idempotency import once
from inventory.admin.panels import head

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import Model
    from django.http import HttpRequest, HttpResponse

    from inventory.admin.stock_forms import StockForm
    from inventory.models import StockLevel
    from products.models import Product


def stock_page(
    model_admin: Any,
    request: HttpRequest,
    form: StockForm,
    *,
    row: Model,
    level: StockLevel,
    back: str,
) -> HttpResponse:
    """Show a form about a row's stock; once it is valid and applied, lead ``back`` and say so.

    ``level`` is the stock level whose figures stand above the form.
    """
    if level.product.deleted_at is not None:
        return only_read(model_admin, request, level.product, back)
    return action_page(
        model_admin,
        request,
        form,
        row=row,
        back=back,
        template="inventory/stock_form.html",
        head=lambda: head(level),
    )


def only_read(model_admin: Any, request: HttpRequest, product: Product, back: str) -> HttpResponse:
    """Lead back where the product has been deleted, and say why."""
    advice = _("%(sku)s has been deleted. Its stock can only be read.") % {"sku": product.sku}
    model_admin.message_user(request, advice, messages.ERROR)
    return redirect(back)


def action_page(
    model_admin: Any,
    request: HttpRequest,
    form: StockForm,
    *,
    row: Model,
    back: str,
    template: str,
    head: Callable[[], dict[str, Any]],
) -> HttpResponse:
    """Show a form about a row; once it is valid and applied, lead ``back`` and say so.

    ``head`` gives what the template shows above the form, as it is then.
    """
    if form.is_valid():
        try:
            with busy_refused():
                outcome = applied(request, form, partial(model_admin.log_change, request, row))
        except DomainError as refusal:
            form.look_again()
            form.refuse(refusal)
        else:
            model_admin.message_user(request, outcome, messages.SUCCESS)
            return redirect(back)
    context = model_admin.admin_site.each_context(request) | {
        "title": form.title,
        "content_title": form.title,
        "opts": model_admin.opts,
        "original": row,
        "form": form,
        "back": back,
    }
    return TemplateResponse(request, template, context | head())


def applied(request: HttpRequest, form: StockForm, log: Callable[[str], object]) -> str:
    """Apply a valid form, and say what has become of it.

    The same form sent again is told the same, and nothing is done. ``log`` is called with the
    sentence, in the transaction of the change. Refuses as the form's operation does, and with
    KeyReused and InProgress.
    """
    path, said = request.path.rstrip("/"), []

    def apply() -> once.Answer:
        said.append(form.apply())
        log(said[-1])
        return once.Answer(HTTPStatus.OK, said[-1].encode())

    given = once.apply_once(
        scope=once.Scope(f"staff:{request.user.pk}", "POST", path, form.cleaned_data["once"].hex),
        fingerprint=once.fingerprint("POST", path, [], form.entered()),
        apply=apply,
    )
    return given.body.decode() if given else said[-1]
