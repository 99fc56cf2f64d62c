"""The Idempotency-Key around an action (RULES.md §2)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from django.db import Error as DatabaseError
from django.http import HttpResponse

from common.api.encoding import encoded
from common.api.errors import InvalidParameter
from common.api.negotiation import HTML, answer_media_type
from common.api.shortcuts import raise_decided
from common.errors import DomainError
from common.idempotency import once

if TYPE_CHECKING:
    from collections.abc import Callable

HEADER: Final = "Idempotency-Key"
KEY: Final = re.compile(r"[!-+\--~]{1,255}")
KEPT_REFUSALS: Final = {409, 422}


def answered_once(view: Any, action: Callable[..., Any]) -> Any:
    """The action's answer; for a request that was applied before, the answer it got then."""
    request = view.request
    scope = scope_of(request.user, request)
    if scope is None or not view.keeps_answer:
        return action(request, *view.args, **view.kwargs)
    raise_decided(request, DatabaseError)  # the client does not know, and sends it again
    query = [(name, value) for name, values in request.query_params.lists() for value in values]
    responses: list[Any] = []

    def apply() -> once.Answer | None:
        responses[:] = [_applied(view, action)]  # the last attempt's, after a deadlock
        return _answer_to_keep(view, responses[0])

    given = once.apply_once(
        scope=scope,
        fingerprint=once.fingerprint(scope.method, scope.path, query, request.data.root),
        apply=apply,
    )
    return _replayed(view, given) if given else responses[0]


def scope_of(user: Any, request: Any) -> once.Scope | None:
    """What the request's key is unique within; None without a key. Refuses one that is none."""
    key = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if key is None or request.method not in {"POST", "PATCH"}:
        return None
    path = request.path.rstrip("/").lower()  # ids may be written in capitals, and nothing else
    return once.Scope(_client(user), request.method, path, _checked(key))


def _client(user: Any) -> str:
    """Whose key it is: an API client (whatever secret it uses), or a member of staff."""
    return f"staff:{user.pk}" if user.is_staff else f"client:{user.id}"


def _checked(header: str) -> str:
    key = header.strip()
    if len(key) > 1 and key.startswith('"') and key.endswith('"'):
        key = key[1:-1]
    if not KEY.fullmatch(key):
        raise InvalidParameter(
            "An Idempotency-Key is 1 to 255 visible ASCII characters without a comma, sent once.",
            header=HEADER,
        )
    return key


def _applied(view: Any, action: Callable[..., Any]) -> Any:
    """The action's answer, refusals included; a database error must undo the transaction."""
    try:
        return action(view.request, *view.args, **view.kwargs)
    except DatabaseError:
        raise
    except Exception as error:  # as in DRF's dispatch: a bug is raised again there
        response = view.handle_exception(error)
        response.refusal = error
        return response


def _answer_to_keep(view: Any, response: Any) -> once.Answer | None:
    """The answer as it goes out, when it was decided by stock or catalogue and not before them."""
    refusal = getattr(response, "refusal", None)
    if refusal is not None and not _is_business_refusal(refusal):
        return None
    view.finished(response)
    body = response.content
    if view.request.accepted_media_type == HTML:
        body = encoded(response.data)
    return once.Answer(
        response.status_code, body, response.get("Location", ""), response.get("ETag", "")
    )


def _is_business_refusal(refusal: Exception) -> bool:
    return isinstance(refusal, DomainError) and all(
        one.is_kept and one.status in KEPT_REFUSALS for one in refusal.problems
    )


def _replayed(view: Any, given: once.Answer) -> HttpResponse:
    response = HttpResponse(
        given.body,
        status=given.status,
        content_type=answer_media_type(view.request, view.extension),
    )
    if not given.body:
        del response["Content-Type"]
    response["Idempotent-Replayed"] = "true"
    for name, value in {"Location": given.location, "ETag": given.etag}.items():
        if value:
            response[name] = value
    return response
