"""A program's change of stock, as a shortcut: the most frequent write of all (docs/adr/0027)."""

from __future__ import annotations

import re
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

from django.http.request import UnreadablePostError
from django.utils import timezone
from rest_framework.exceptions import APIException

from common.access import quota
from common.api import conditional, documents, once
from common.api.encoding import encoded
from common.api.links import PREFIX
from common.api.negotiation import JSONAPI, check_content_type
from common.api.routers import UUID as UUID_PATTERN
from common.api.shortcuts import (
    Ready,
    client_with,
    is_plain,
    media_type_for,
    origin_of,
    usual_headers,
)
from common.idempotency.once import Answer, Claim, InProgress, KeyReused, count, fingerprint
from common.observability.context import set_actor
from common.observability.middleware import Work
from common.people.audit import through_door
from common.people.models import AuditEntry
from common.replica.middleware import note_write
from inventory import operations, rules
from inventory.api import representation
from inventory.api.serializers import InventoryChange

if TYPE_CHECKING:
    from django.http import HttpRequest

    from common.access.verification import Client
    from common.api.documents import Document
    from inventory.queries import Inventory

WRITE_SCOPE: Final = "inventory:write"
RESOURCE_TYPE: Final = "inventory"
RELATED: Final = frozenset({"product", "stock_levels"})
ROUTE: Final = f"{PREFIX}/inventory/<pk>"
PATH: Final = re.compile(rf"{PREFIX}/inventory/({UUID_PATTERN})/?", re.ASCII)
LONGEST: Final = 4096  # bytes; who writes a long note goes the ordinary way
NAMES: Final = {
    "quantity_delta": "delta",
    "quantity": "count",
    "expected_quantity": "expected",
}
"""Of an input, where the rules have a shorter one."""
CONDITIONS: Final = ("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH")


def ready(request: HttpRequest) -> Ready | None:
    """The answer to a change that was made; its line in the log, too.

    What was refused, and what was applied before, is left to the ordinary way to tell.
    """
    product_id = _product_id(request)
    if product_id is None:
        return None
    with Work(request) as work:
        asked = _understood(request)
        if asked is None:
            return None
        try:
            made = _made(request, product_id, asked)
            if made is not None:
                return work.done(_ready(request, made, asked.media_type), ROUTE)
        except (KeyReused, InProgress):
            pass  # it may have been answered by the time that it is asked again
        except Exception as error:
            request.decided = error  # type: ignore[attr-defined]  # so that nobody tries again
    return None


class Asked(NamedTuple):
    """Who wants what, and how it is to be answered."""

    client: Client
    document: Document
    media_type: str
    origin: str


def _understood(request: HttpRequest) -> Asked | None:
    """In the order of the ordinary way: who asks, how often, and only then the body."""
    client, media_type = client_with(request, WRITE_SCOPE), media_type_for(request)
    origin = origin_of(request)
    if client is None or media_type is None or origin is None:
        return None
    if not _is_within_quota(request, client):
        return None
    document = _document(request)
    return None if document is None else Asked(client, document, media_type, origin)


def _product_id(request: HttpRequest) -> str | None:
    """The id in the address of a PATCH that sets no conditions."""
    if request.method != "PATCH":
        return None
    match = PATH.fullmatch(request.path_info)
    if match is None or not is_plain(request) or not request.META.keys().isdisjoint(CONDITIONS):
        return None
    return match[1].lower()


def _document(request: HttpRequest) -> Document | None:
    """The body, of a length that was said and came; None for what cannot be read."""
    meta = request.META
    length = meta.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or int(length) > LONGEST:
        return None
    try:
        form = check_content_type(meta.get("CONTENT_TYPE", ""))
        if len(request.body) != int(length):
            return None
        value = documents.parse_json(request.body)
        return documents.read(value, jsonapi=form == JSONAPI, creating=False)
    except UnreadablePostError as error:
        request.unreadable = error.__cause__  # type: ignore[attr-defined]  # not read again
    except APIException:
        pass
    return None


def _is_within_quota(request: HttpRequest, client: Client) -> bool:
    verdict = quota.spend(client)
    request.quota_verdict = verdict  # type: ignore[attr-defined]  # read by the throttle
    return verdict is None or verdict.allowed


def _made(request: HttpRequest, product_id: str, asked: Asked) -> Answer | None:
    """The answer to a change that was made just now."""
    wanted = input_alone(asked.document, product_id)
    if wanted is None:
        return None
    change = change_of(product_id, wanted)
    request.client_name = asked.client.name  # type: ignore[attr-defined]  # read by the request log
    request.route = ROUTE  # type: ignore[attr-defined]  # likewise
    set_actor(asked.client.name)
    with through_door(AuditEntry.Door.API), timezone.override(UTC):
        answer = _once(request, asked, change)
    note_write(asked.client)
    return answer


def _once(request: HttpRequest, asked: Asked, change: rules.Change) -> Answer | None:
    """The answer, kept if the request has a key; None where it was applied before."""
    scope = once.scope_of(asked.client, request)
    if scope is None:
        (inventory,) = operations.adjust_stock(changes=[change])
        return _answer(inventory, asked.origin)
    claim = Claim(scope, fingerprint("PATCH", scope.path, [], asked.document.root))
    key = operations.Key(claim, lambda inventory: _answer(inventory, asked.origin))
    answer = operations.adjust_stock_once(change=change, key=key)
    if answer is not None:
        count("applied")
    return answer


def _answer(inventory: Inventory, origin: str) -> Answer:
    body = encoded(representation.document(inventory, origin))
    return Answer(200, body, etag=conditional.etag(inventory.version, body))


def _ready(request: HttpRequest, answer: Answer, media_type: str) -> Ready:
    own = [("ETag", answer.etag), ("Content-Length", str(len(answer.body)))]
    own += quota.headers(request.quota_verdict).items()  # type: ignore[attr-defined]
    usual = usual_headers(media_type, answer.status, request.scheme, "private, no-cache")
    return Ready(answer.status, [*own, *usual], answer.body)


# Shared with the ordinary way


def input_alone(document: Document, product_id: str) -> dict[str, Any] | None:
    """The input of a change that says nothing of the inventory as it was; None for others.

    Such a change is carried out without reading the row first: the operation looks anyway, under
    its lock.
    """
    own = (RESOURCE_TYPE, product_id.lower())
    if document.is_jsonapi and (document.type, (document.id or "").lower()) != own:
        return None
    if document.relationships or not RELATED.isdisjoint(document.attributes):
        return None
    given = InventoryChange(document=document)
    return dict(given.validated_data) if given.is_valid() else None


def change_of(product_id: str, wanted: dict[str, Any], *, is_guarded: bool = False) -> rules.Change:
    """The change that an input asks for."""
    named = {NAMES.get(name, name): value for name, value in wanted.items()}
    return rules.Change(product_id=UUID(product_id), is_guarded=is_guarded, **named)
