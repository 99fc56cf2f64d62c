"""What every operation can answer beside its success: refusals, headers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from common.api.negotiation import JSON, JSONAPI
from common.api.openapi.answers import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from common.api.openapi.components import Components, Schema


class Header(NamedTuple):
    """A header of answers; ``is_sure`` when no answer that lists it may lack it."""

    description: str
    pattern: str
    is_sure: bool = False


HEADERS: Final = {
    "X-Request-ID": Header(
        "The id of the request: the one that was sent, or a new one.",
        "^[!-~]{1,128}$",
        is_sure=True,
    ),
    "RateLimit-Policy": Header(
        "The quota of the key and its window in seconds; absent for a key without a quota.",
        '^"default";q=[0-9]+;w=[0-9]+$',
    ),
    "RateLimit": Header(
        "What is left of the quota and the seconds until it is whole again.",
        '^"default";r=[0-9]+;t=[0-9]+$',
    ),
    "ETag": Header(
        "The version of the resource, for If-Match and If-None-Match.",
        '^"[0-9]+(-[0-9a-f]{16})?"$',
        is_sure=True,
    ),
    "Location": Header(
        "The address of what was made, equal to its `links.self`.", "^http", is_sure=True
    ),
    "Idempotent-Replayed": Header(
        "Present when the answer is the one that the same Idempotency-Key got before.", "^true$"
    ),
    "WWW-Authenticate": Header("How to authenticate.", "^ApiKey ", is_sure=True),
    "Retry-After": Header("Seconds after which to try again.", "^[0-9]+$", is_sure=True),
}
EVERYWHERE: Final = ("X-Request-ID", "RateLimit-Policy", "RateLimit")


class Refusal(NamedTuple):
    """A status that is an errors document, with the codes that occur in it."""

    name: str
    description: str
    headers: tuple[str, ...] = ()


REFUSALS: Final = {
    400: Refusal(
        "Malformed",
        "The body is not a document of the expected structure (`malformed`), or a parameter or "
        "header is unknown or senseless (`unknown_parameter`, `invalid_parameter`).",
    ),
    401: Refusal(
        "NotAuthenticated",
        "The API key is missing, unknown, expired or revoked (`not_authenticated`).",
        ("WWW-Authenticate",),
    ),
    403: Refusal(
        "Forbidden",
        "The key lacks the scope (`permission_denied`), or the document sets what clients cannot "
        "(`read_only`, `client_id_not_supported`).",
    ),
    404: Refusal(
        "NotFound", "The resource, or one that the document names, does not exist (`not_found`)."
    ),
    406: Refusal("NotAcceptable", "Accept names nothing that we send (`not_acceptable`)."),
    408: Refusal("Late", "The body did not arrive in time (`request_timeout`)."),
    409: Refusal(
        "Conflict",
        "It contradicts the present state (`duplicate`, `stale_quantity`, `location_in_use`, …), "
        "or the URL (`type_conflict`, `id_conflict`), or a request with the same Idempotency-Key "
        "is still being served (`idempotency_in_progress`, with Retry-After).",
    ),
    412: Refusal(
        "PreconditionFailed",
        "The resource has changed since the version that If-Match names (`precondition_failed`).",
    ),
    413: Refusal("PayloadTooLarge", "The body has more than 1 MiB (`payload_too_large`)."),
    415: Refusal(
        "UnsupportedMediaType",
        "The body is in a media type or encoding that we do not read (`unsupported_media_type`).",
    ),
    422: Refusal(
        "Refused",
        "A value is not valid (`invalid`, `required`, `unknown_attribute`, …), a business rule "
        "says no (`insufficient_stock`, `quantity_limit`, …), or the Idempotency-Key was used "
        "for another request (`idempotency_key_reused`).",
    ),
    428: Refusal(
        "PreconditionRequired",
        "A count needs `expected_quantity` or If-Match (`precondition_required`).",
    ),
    429: Refusal(
        "QuotaExceeded",
        "The quota of the key is used up, or too many exports are under way (`throttled`).",
        ("Retry-After",),
    ),
    503: Refusal(
        "Unavailable", "The database is busy or away (`service_unavailable`).", ("Retry-After",)
    ),
}
ALWAYS: Final = (400, 401, 403, 406, 408, 413, 415, 429, 503)
"""Whatever the endpoint is."""


def refusals(components: Components, statuses: Iterable[int]) -> Schema:
    """The responses for these statuses and those that can always occur."""
    return {
        str(status): components.refer(
            "responses",
            REFUSALS[status].name,
            lambda status=status: _refusal(components, REFUSALS[status]),  # type: ignore[misc]
        )
        for status in sorted({*ALWAYS, *statuses})
    }


def _refusal(components: Components, refusal: Refusal) -> Schema:
    return {
        "description": refusal.description,
        "headers": headers(components, refusal.headers),
        "content": content(errors(components)),
    }


def success(
    components: Components,
    description: str,
    document: Schema | None = None,
    named_headers: Iterable[str] = (),
) -> Schema:
    """The response of something that went well."""
    response: Schema = {
        "description": description,
        "headers": headers(components, named_headers),
    }
    return response if document is None else response | {"content": content(document)}


def content(document: Schema) -> Schema:
    """The document under both labels; HTML is for people, not for programs."""
    return {JSONAPI: {"schema": document}, JSON: {"schema": document}}


def headers(components: Components, names: Iterable[str]) -> Schema:
    return {
        name: components.refer("headers", name, _header(name)) for name in (*EVERYWHERE, *names)
    }


def _header(name: str) -> Callable[[], Schema]:
    header = HEADERS[name]
    return lambda: {
        "description": header.description,
        "required": header.is_sure,
        "schema": {"type": "string", "pattern": header.pattern},
    }
